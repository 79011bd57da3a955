"""An image, or an index of several, as what is to be moved: documents children first, and blobs once each. Pure."""

from __future__ import annotations

from whit.packer.image.oci import INDEXES, Descriptor, parse_index, parse_manifest
from whit.packer.image.platform import nearest
from whit.packer.support.errors import InvalidFileError, NotFoundError
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.image.oci import Manifest
    from whit.packer.image.platform import Platform
    from whit.packer.registry.repository import Document

MAX_DOCUMENTS = 1000
MAX_DEPTH = 4
"""Indexes in indexes: more is nobody's image."""


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
    def images(self) -> tuple[tuple[Descriptor, Manifest], ...]:
        """The manifests, with what points to them."""
        plain = (one for one in self.documents if one.descriptor.media_type not in INDEXES)
        return tuple((one.descriptor, parse_manifest(one.data, one.descriptor.digest)) for one in plain)

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


def choose(data: bytes, wanted: Platform, what: str) -> Descriptor:
    """The manifest of an index for a platform. Raises :class:`NotFoundError` with those that there are."""
    manifests = parse_index(data, what).manifests
    best = nearest(wanted, (one.platform for one in manifests))
    if best is not None:
        return manifests[best]
    there = ", ".join(
        dict.fromkeys(str(one.platform) for one in manifests if one.platform and one.platform.os != "unknown")
    )
    raise NotFoundError(f"{what} has nothing for {wanted}", hint=f"it is for {there}" if there else None)
