"""Images outside of the store: an OCI image layout in a folder, or one tar that every engine loads.

The archive is an OCI layout and docker's own format at once: manifest.json points into the same blobs, so that
``docker load``, ``podman load`` and skopeo's ``oci-archive`` and ``docker-archive`` all take it. Equal images make equal
archives, byte for byte.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from whit.packer.image.layer import header
from whit.packer.image.oci import INDEXES, REF_NAME, Descriptor, Index, Manifest, parse_index, parse_manifest
from whit.packer.image.spec import Entry, EntryKind, HostFile, Inline
from whit.packer.store.layout import LAYOUT_FILE, LAYOUT_VERSION, Layout
from whit.packer.store.store import read_image
from whit.packer.support import durable
from whit.packer.support.errors import StoreError, UsageError
from whit.packer.support.jsondoc import canonical_json
from whit.packer.support.light import dataclass, replace
from whit.packer.tar import write as tarwrite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from whit.packer.image.reference import Reference

CONTAINERD_NAME = "io.containerd.image.name"
"""The annotation by which containerd, and docker on top of it, name what they load."""


def is_layout_target(text: str, path: Path) -> bool:
    """Whether ``-o`` means a layout (``x/`` or a folder that is there) or an archive (``x.tar``).

    Raises :class:`UsageError` for what is neither.
    """
    if text.endswith("/") or path.is_dir():
        return True
    if path.suffix == ".tar" and (path.is_file() or not path.exists()):
        return False
    raise UsageError(
        f"-o {text} is neither a folder nor an archive", hint=f"-o {text}/ for a folder, -o {text}.tar for a file"
    )


@contextlib.contextmanager
def output_layout(folder: Path) -> Iterator[Layout]:
    """A layout in a folder to write into: new, or there already; a folder with anything else in it is refused.

    A new one is only there once the block has ended well. To one that is there, blobs come first and the index last.
    """
    with durable.store_errors(f"write to {folder}"):
        if folder.is_dir() and any(folder.iterdir()):
            layout = Layout(folder, private=False)
            if not (folder / LAYOUT_FILE).exists():
                raise StoreError(f"{folder} is not empty and not an image layout", hint="choose another folder")
            layout.check_version()
            layout.index()
            layout.create()
            yield layout
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        with scratch_layout(folder) as layout:
            yield layout
            layout.folder.rename(folder)
            durable.sync_folder(folder.parent)


@contextlib.contextmanager
def scratch_layout(beside: Path) -> Iterator[Layout]:
    """A layout under a temporary name beside a path; gone after the block unless it was renamed."""
    folder = durable.temporary_beside(beside)
    with durable.store_errors(f"write to {beside.parent}"):
        try:
            layout = Layout(folder, private=False)
            layout.create()
            yield layout
        finally:
            durable.remove_tree(folder)


def name_in(layout: Layout, descriptor: Descriptor, references: tuple[Reference, ...]) -> None:
    """Let names in an output layout point to a manifest in it."""
    named = {reference.familiar: _named(descriptor, reference) for reference in references}

    def change(manifests: tuple[Descriptor, ...]) -> tuple[Descriptor, ...]:
        kept = tuple(item for item in manifests if named.get(item.annotation(REF_NAME) or "", item) == item)
        return (*kept, *(item for item in named.values() if item not in kept))

    with durable.store_errors(f"write to {layout.folder}"):
        layout.edit_index(change)


def copy_image(source: Layout, target: Layout, descriptor: Descriptor) -> None:
    """Copy a manifest, or an index, and all it leads to from one layout to another, digests checked.

    Raises :class:`StoreError`.
    """
    for blob in tree(source, descriptor):
        if not target.has(blob):
            with target.new_blob() as writer:
                for chunk in source.chunks(blob):
                    writer.write(chunk)


def tree(source: Layout, descriptor: Descriptor) -> tuple[Descriptor, ...]:
    """All blobs that a manifest or an index leads to, itself the last. Raises :class:`StoreError`."""
    if descriptor.media_type in INDEXES:
        below = (tree(source, child) for child in parse_index(source.read(descriptor)).manifests)
        return (*(blob for blobs in below for blob in blobs), descriptor)
    return (*parse_manifest(source.read(descriptor)).blobs, descriptor)


def export(
    source: Layout, descriptor: Descriptor, references: tuple[Reference, ...], target: Path, *, to_layout: bool
) -> None:
    """Write an image of one layout as an output: a layout of its own, or an archive."""
    if not to_layout:
        write_archive(source, descriptor, references, target)
        return
    with output_layout(target) as layout:
        copy_image(source, layout, descriptor)
        name_in(layout, descriptor, references)


def write_archive(
    source: Layout,
    descriptor: Descriptor,
    references: tuple[Reference, ...],
    file: Path,
    name: str = "",
    artifacts: tuple[Descriptor, ...] = (),
) -> None:
    """Write an image as one archive, in the file's place at once; ``artifacts`` are attached to it. Raises :class:`StoreError`."""
    save(source, (Chosen(descriptor, references, name),), file, artifacts)


@dataclass(frozen=True, slots=True)
class Chosen:
    """An image that goes into an archive, and the names that it has there.

    ``name`` is what OCI's index is to say in place of a single reference's familiar name: it may be a tag alone.
    """

    descriptor: Descriptor
    references: tuple[Reference, ...]
    name: str = ""


def save(source: Layout, images: tuple[Chosen, ...], file: Path, artifacts: tuple[Descriptor, ...] = ()) -> None:
    """Write images as one archive, in the file's place at once. Raises :class:`StoreError`."""
    with durable.output_errors(file), durable.atomic_file(file, private=False) as output:
        for piece in archive_stream(source, images, artifacts):
            durable.write_all(output, piece)


def archive_stream(
    source: Layout, images: tuple[Chosen, ...], artifacts: tuple[Descriptor, ...] = ()
) -> Iterator[bytes]:
    """The archive's bytes, in pieces; blobs are checked as they are read.

    ``artifacts`` stand in OCI's index behind the images, each with its type, as image-spec 1.1 has them; docker sees none.
    """
    manifests = [read_image(source, image.descriptor).manifest for image in images]
    roots = (*(image.descriptor for image in images), *artifacts)
    blobs = {blob.digest: blob for root in roots for blob in tree(source, root)}
    yield _folder("blobs") + _folder("blobs/sha256")
    for blob in sorted(blobs.values(), key=lambda blob: blob.hex):
        yield from _member(_blob_name(blob), blob.size, source.chunks(blob))
    documents = {
        "index.json": Index((*(entry for image in images for entry in _entries(image)), *artifacts)).to_json(),
        "manifest.json": _docker_manifest(manifests, images),
        LAYOUT_FILE: canonical_json({"imageLayoutVersion": LAYOUT_VERSION}),
    }
    if all(manifest.holds_module for manifest in manifests):
        # Docker has no form for them, and would take a module for a layer.
        del documents["manifest.json"]
    for name, data in documents.items():
        yield from _member(name, len(data), (data,))
    yield tarwrite.END


def _entries(image: Chosen) -> tuple[Descriptor, ...]:
    """An image's entries in an index: one for each name, and one where it has none."""
    if image.name:
        return (_named_so(image),)
    named = tuple(_named(image.descriptor, reference) for reference in image.references)
    return named or (replace(image.descriptor, annotations=()),)


def _named_so(image: Chosen) -> Descriptor:
    whole = tuple((CONTAINERD_NAME, str(reference)) for reference in image.references[:1])
    plain = image.descriptor
    annotations = (*whole, (REF_NAME, image.name))
    return Descriptor(plain.media_type, plain.digest, plain.size, annotations, plain.platform)


def _named(descriptor: Descriptor, reference: Reference) -> Descriptor:
    annotations = ((CONTAINERD_NAME, str(reference)), (REF_NAME, reference.familiar))
    return Descriptor(descriptor.media_type, descriptor.digest, descriptor.size, annotations, descriptor.platform)


def _docker_manifest(manifests: list[Manifest], images: tuple[Chosen, ...]) -> bytes:
    """Docker's manifest.json (moby, image/spec): paths in the archive, and the names to give."""
    documents = (
        canonical_json(
            {
                "Config": _blob_name(manifest.config),
                "RepoTags": [reference.familiar for reference in image.references if reference.tag],
                "Layers": [_blob_name(layer) for layer in manifest.layers],
            }
        )
        for manifest, image in zip(manifests, images, strict=True)
        if not manifest.holds_module
    )
    return b"[" + b",".join(documents) + b"]"


def _blob_name(blob: Descriptor) -> str:
    return f"blobs/sha256/{blob.hex}"


def _folder(name: str) -> bytes:
    return header(Entry(f"/{name}", EntryKind.DIRECTORY, 0o755, ""), 0)


def _member(name: str, size: int, chunks: Iterable[bytes]) -> Iterator[bytes]:
    content = HostFile("", size, (0, 0, 0, 0)) if size else Inline(b"")
    yield header(Entry(f"/{name}", EntryKind.FILE, 0o644, "", content=content), 0)
    yield from chunks
    yield tarwrite.padding(size)
