"""The one image that is meant for a platform: of an index, or the image itself, if it is for that one."""

from __future__ import annotations

from hashlib import sha256

from whit.packer.image.oci import INDEXES, MAX_DOCUMENT, Descriptor, parse_manifest, read_config
from whit.packer.image.platform import nearest
from whit.packer.registry.tree import choose
from whit.packer.support.errors import InvalidFileError, NotFoundError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.packer.image.platform import Platform
    from whit.packer.registry.ends import Source
    from whit.packer.registry.repository import Document

_DEEPEST = 3


def chosen(root: Document, source: Source, wanted: Platform, what: str) -> Document:
    """The root itself, or what an index in it has for a platform. Raises :class:`NotFoundError` where it has nothing."""
    for _ in range(_DEEPEST):
        if root.descriptor.media_type not in INDEXES:
            break
        root = source.document(choose(root.data, wanted, what))
    return root


def refuse_other(image: Document, source: Source, wanted: Platform, what: str) -> None:
    """Refuse an image whose configuration says that it is for another platform. Raises :class:`NotFoundError`."""
    if image.descriptor.media_type in INDEXES:
        return
    manifest = parse_manifest(image.data, what)
    if not manifest.is_image:
        return  # an artifact: it runs nowhere
    data = _whole(manifest.config, source, what)
    there = read_config(manifest, data).platform
    if nearest(wanted, (there,)) is None:
        raise NotFoundError(f"{what} has nothing for {wanted}", hint=f"it is for {there}")


def _whole(config: Descriptor, source: Source, what: str) -> bytes:
    if config.size > MAX_DOCUMENT:
        raise InvalidFileError(f"{what}: its configuration is too large")
    data = bytearray()
    for chunk in source.blob(config):
        data += chunk
        if len(data) > config.size:
            break
    if sha256(data).hexdigest() != config.hex:
        raise InvalidFileError(f"{what}: its configuration isn't what its digest says")
    return bytes(data)
