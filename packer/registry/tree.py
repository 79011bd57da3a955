"""An image, or an index of several, as what is to be moved: documents children first, and blobs once each. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.errors import InvalidFileError, NotFoundError, UnsupportedError
from whit.packer.light import dataclass
from whit.packer.oci import INDEXES, Descriptor, parse_index, parse_manifest
from whit.packer.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.registry.repository import Document

MAX_DOCUMENTS = 1000
MAX_DEPTH = 4
"""Indexes in indexes: more is nobody's image."""

_ARCHITECTURES = {
    "x86_64": "amd64", "aarch64": "arm64", "i686": "386", "i386": "386", "armv7l": "arm", "armv6l": "arm", "x86-64": "amd64",
    "armhf": "arm", "arm64v8": "arm64",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tree:
    """``documents`` end with the root; all that one points to stands before it."""

    documents: tuple[Document, ...]
    blobs: tuple[Descriptor, ...]

    @property
    def root(self) -> Document:
        """What a name points to."""
        return self.documents[-1]

    @property
    def size(self) -> int:
        """Bytes of all blobs and documents."""
        return sum(blob.size for blob in self.blobs) + sum(one.descriptor.size for one in self.documents)


def gather(root: Document, read: Callable[[Descriptor], Document]) -> Tree:
    """The whole tree below a document. Raises :class:`InvalidFileError` where it is none, or has no end."""
    documents: dict[str, Document] = {}
    blobs: dict[str, Descriptor] = {}
    _gather(root, read, documents, blobs, 0)
    return Tree(tuple(documents.values()), tuple(blobs.values()))


def _gather(
    document: Document,
    read: Callable[[Descriptor], Document],
    documents: dict[str, Document],
    blobs: dict[str, Descriptor],
    depth: int,
) -> None:
    name = document.descriptor.digest
    if depth > MAX_DEPTH or len(documents) > MAX_DOCUMENTS:
        raise InvalidFileError(f"{name}: an index of indexes without an end", hint="who has made that?")
    if document.descriptor.media_type in INDEXES:
        for child in parse_index(document.data, name).manifests:
            if child.digest not in documents:
                _gather(read(child), read, documents, blobs, depth + 1)
    else:
        for blob in parse_manifest(document.data, name).blobs:
            known = blobs.setdefault(blob.digest, blob)
            if known.size != blob.size:
                raise InvalidFileError(f"{name}: blob {blob.digest} has two sizes, {known.size} and {blob.size}")
    documents[name] = document


def parse_platform(text: str) -> Platform:
    """``linux/arm64``, ``arm64``, ``linux/arm/v7``, ``linux``. Raises :class:`UnsupportedError` for anything else."""
    parts = text.lower().split("/")
    if not 1 <= len(parts) <= 3 or not all(part and part.isascii() and part.isprintable() for part in parts):  # noqa: PLR2004
        raise UnsupportedError(f"{text[:80]!r} is not a platform", hint="write OS/ARCHITECTURE, as in linux/arm64")
    if len(parts) == 1:
        parts = [parts[0], ""] if parts[0] in {"linux", "windows", "wasip1"} else ["linux", parts[0]]
    system, machine, *variant = parts
    return Platform(system, _ARCHITECTURES.get(machine, machine), variant[0] if variant else None)


def machine_platform(machine: str) -> Platform:
    """The platform of ``uname -m``."""
    variants = {"armv7l": "v7", "armv6l": "v6"}
    return Platform("linux", _ARCHITECTURES.get(machine, machine), variants.get(machine))


def choose(data: bytes, wanted: Platform, what: str) -> Descriptor:
    """The manifest of an index for a platform. Raises :class:`NotFoundError` with those that there are."""
    manifests = parse_index(data, what).manifests
    fitting = [one for one in manifests if one.platform and _fits(one.platform, wanted)]
    exact = [one for one in fitting if one.platform and (one.platform.variant or "") == (wanted.variant or "")]
    if fitting:
        return (exact or fitting)[0]
    there = ", ".join(
        dict.fromkeys(str(one.platform) for one in manifests if one.platform and one.platform.os != "unknown")
    )
    raise NotFoundError(f"{what} has nothing for {wanted}", hint=f"it is for {there}" if there else None)


def _fits(there: Platform, wanted: Platform) -> bool:
    if there.os != wanted.os or (wanted.architecture and there.architecture != wanted.architecture):
        return False
    if wanted.variant is None or there.architecture == "arm64":
        return True
    # An ARM of a higher version runs what is for a lower one.
    return (there.variant or "") <= wanted.variant
