"""``whit load``: an archive's images → the store, each under its names.

What an OCI archive holds keeps its digests, and what is attached to its images comes with them. docker's own form has no manifest and plain layers: they are compressed, so
that the same archive becomes the same image everywhere.
"""

from __future__ import annotations

import bz2
import contextlib
import lzma
import os
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.archives.archive import tree
from whit.packer.archives.archived import ArchivedImage, Unpacked, unpack_archive
from whit.packer.image.decompress import decompressed, media_type_of
from whit.packer.image.layer import write_tar
from whit.packer.image.oci import (
    INDEXES,
    LAYER_TAR,
    Descriptor,
    parse_config,
    parse_index,
    parse_manifest,
)
from whit.packer.store.garbage import collect
from whit.packer.store.store import read_image
from whit.packer.supply.attaching import attach, listed_in
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.packer.support.light import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.image.reference import Reference
    from whit.packer.store.layout import Layout
    from whit.packer.store.store import Store

    _Maker = Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]

_BZIP2_MAGIC, _XZ_MAGIC = b"BZh", b"\xfd7zXZ\x00"
_PIECE = 1 << 20
_MOST_MEMORY = 128 << 20
"""Bytes that xz may use; its highest level takes 65 MiB."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One image that is in the store now, and what came with it."""

    image_id: str
    digest: str
    references: tuple[Reference, ...]
    attached: tuple[Descriptor, ...] = ()


@dataclass(frozen=True, slots=True)
class Adopted:
    """An image of an archive whose blobs are in the store's layout; ``attached``: (subject's digest, what refers to it)."""

    image: ArchivedImage
    attached: tuple[tuple[str, Descriptor], ...] = ()


def load(store: Store, chunks: Iterator[bytes], what: str) -> tuple[Loaded, ...]:
    """Put an archive's images into the store; ``what`` names the archive in errors. All of them, or none.

    Raises :class:`UnsupportedError`, :class:`InvalidFileError`, :class:`StoreError`.
    """
    with store.adding() as layout:
        loaded = tuple(_add(store, image) for image in adopted(layout, chunks, what))
    collect(store)
    return loaded


def adopted(layout: Layout, chunks: Iterator[bytes], what: str) -> tuple[Adopted, ...]:
    """An archive's images, their blobs in a store's layout and not named there yet. To be called within ``adding``."""
    folder = durable.temporary_beside(layout.folder / "archive")
    folder.mkdir(mode=0o700)
    try:
        with told_of(what):
            unpacked = unpack_archive(uncompressed(chunks, what), what, folder)
            return tuple(_with_attached(layout, unpacked, image) for image in unpacked.images)
    finally:
        durable.remove_tree(folder)


@contextlib.contextmanager
def told_of(what: str) -> Iterator[None]:
    """What is wrong with an archive is told by its name."""
    try:
        yield
    except InvalidFileError as error:
        if error.message.startswith(what):
            raise
        hint = error.hint or "copy or download the archive again"
        raise InvalidFileError(f"{what}: {error.message}", hint=hint) from None


def uncompressed(chunks: Iterator[bytes], what: str) -> Iterator[bytes]:
    """An archive's bytes, whatever it was compressed by: gzip, zstd, bzip2, xz, or nothing."""
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= 8:  # noqa: PLR2004 - the longest magic number
            break
    whole = chain((first,), chunks)
    if first.startswith(_BZIP2_MAGIC):
        return _inflated(whole, what, bz2.BZ2Decompressor)
    if first.startswith(_XZ_MAGIC):
        return _inflated(whole, what, lambda: lzma.LZMADecompressor(memlimit=_MOST_MEMORY))
    # How large a stream is isn't known: what it may become is bounded where it is unpacked.
    return decompressed(media_type_of(first), whole, 1 << 40)


def _inflated(chunks: Iterator[bytes], what: str, maker: _Maker) -> Iterator[bytes]:
    inflater = maker()
    try:
        for chunk in chunks:
            pending = chunk
            while pending or not (inflater.eof or inflater.needs_input):
                if inflater.eof:
                    inflater = maker()
                yield inflater.decompress(pending, _PIECE)
                pending = inflater.unused_data if inflater.eof else b""
    except (OSError, lzma.LZMAError) as error:
        raise InvalidFileError(f"{what} is damaged: {error}") from None


def _with_attached(layout: Layout, unpacked: Unpacked, image: ArchivedImage) -> Adopted:
    there = _adopt(layout, unpacked, image)
    if unpacked.is_docker:
        return Adopted(there)
    listing, found = listed_in(unpacked.layout), dict[str, tuple[str, Descriptor]]()
    pending = [blob.digest for blob in tree(layout, there.descriptor)]
    while pending:
        subject = pending.pop(0)
        for artifact in listing(subject):
            if artifact.digest not in found:
                found[artifact.digest] = subject, artifact
                _adopt_manifest(layout, unpacked.layout, artifact)
                pending.append(artifact.digest)
    return Adopted(there, tuple(found.values()))


def _adopt(layout: Layout, unpacked: Unpacked, image: ArchivedImage) -> ArchivedImage:
    """Move an image's blobs into the store's layout; the image as it is there."""
    source, descriptor = unpacked.layout, image.descriptor
    if descriptor.media_type in INDEXES:
        children = parse_index(source.read(descriptor)).manifests
        if all(map(source.has, children)):
            for child in children:
                _adopt_manifest(layout, source, child)
            _move(layout, source, descriptor)
            return image
        # The archive has fewer platforms than the index that it was taken from.
        descriptor = read_image(source, descriptor).descriptor
    if unpacked.is_docker:
        descriptor = _compressed(layout, source, descriptor)
    else:
        _refuse_artifact(source, descriptor)
        _adopt_manifest(layout, source, descriptor)
    return replace(image, descriptor=descriptor)


def _refuse_artifact(source: Layout, descriptor: Descriptor) -> None:
    manifest = parse_manifest(source.read(descriptor))
    if not manifest.is_image:
        kind = manifest.artifact_type or manifest.config.media_type
        raise UnsupportedError(f"the archive holds an artifact of type {kind}, not an image")


def _adopt_manifest(layout: Layout, source: Layout, descriptor: Descriptor) -> None:
    for blob in (*parse_manifest(source.read(descriptor)).blobs, descriptor):
        _move(layout, source, blob)


def _compressed(layout: Layout, source: Layout, descriptor: Descriptor) -> Descriptor:
    """An image with its plain layers compressed; its configuration, and so its ID, stays."""
    manifest = parse_manifest(source.read(descriptor))
    diff_ids = parse_config(source.read(manifest.config)).diff_ids
    layers = []
    for number, layer in enumerate(manifest.layers):
        if layer.media_type != LAYER_TAR:
            _move(layout, source, layer)
            layers.append(layer)
            continue
        if diff_ids[number : number + 1] != (layer.digest,):
            raise InvalidFileError(f"the archive is damaged: layer {number} isn't the one of its image's configuration")
        layers.append(write_tar(layout, source.chunks(layer)).descriptor)
    _move(layout, source, manifest.config)
    manifest = replace(manifest, layers=tuple(layers))
    return layout.put(manifest.to_json(), manifest.media_type)


def _move(layout: Layout, source: Layout, blob: Descriptor) -> None:
    """A blob whose digest was checked when it was written."""
    if layout.has(blob):
        return
    path = source.blob_path(blob.digest)
    try:
        if path.stat().st_size != blob.size:
            raise InvalidFileError(f"the archive is damaged: {blob.digest} has another size than its manifest says")
        with path.open("rb") as file:
            os.fchmod(file.fileno(), 0o600)
            os.fsync(file.fileno())
    except FileNotFoundError:
        raise InvalidFileError(f"the archive lacks the blob {blob.digest}") from None
    # A name of its own: another image of the archive may need the blob too.
    fresh = durable.temporary_beside(layout.blob_path(blob.digest))
    os.link(path, fresh)
    Path(fresh).replace(layout.blob_path(blob.digest))
    durable.sync_folder(layout.blob_folder)


def _add(store: Store, adopted_image: Adopted) -> Loaded:
    image = adopted_image.image
    if image.references:
        store.add(image.descriptor, image.references)
    else:
        store.keep(image.descriptor, None)
    image_id = store.image(image.descriptor).image_id
    store.happened(image_id, "load", image.references[0].familiar if image.references else "")
    for subject, artifact in adopted_image.attached:
        attach(store, subject, artifact)
    return Loaded(image_id, image.descriptor.digest, image.references, tuple(one for _, one in adopted_image.attached))
