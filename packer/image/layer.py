"""A layer: entries → a deterministic tar → its digest, and the compressed blob with its own, in one pass.

POSIX ustar (IEEE 1003.1-2017, pax, "ustar Interchange Format"), with pax records only where ustar can't hold a value:
a name that is long or not ASCII, a size from 8 GiB up. Entries are sorted, parents first; owner, mode and time are
the entry's and the image's, never the host's.
"""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.image.compress import compressed
from whit.packer.image.oci import LAYER_GZIP, LAYER_TAR, LAYER_ZSTD, Descriptor, Layer
from whit.packer.image.spec import Compression, Entry, EntryKind, HostFile, LayerSpec
from whit.packer.support.errors import InvalidFileError, WhitError
from whit.packer.tar import write as tarwrite
from whit.packer.tar.member import Kind, Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.image.early import Fate
    from whit.packer.store.layout import Layout

READ = 256 << 10
_PARENT_MODE = 0o755
_MEDIA_TYPES = {Compression.GZIP: LAYER_GZIP, Compression.ZSTD: LAYER_ZSTD, Compression.NONE: LAYER_TAR}
_KINDS = {EntryKind.FILE: Kind.FILE, EntryKind.DIRECTORY: Kind.DIRECTORY, EntryKind.SYMLINK: Kind.SYMLINK}


def write_layer(
    layout: Layout,
    spec: LayerSpec,
    created: int,
    fate: Fate | None = None,
    compression: Compression = Compression.GZIP,
) -> Layer:
    """Write a layer's blob into a layout. ``created`` is every entry's time, in seconds since the epoch.

    Raises :class:`InvalidFileError` when a host file has changed since it was decided on, or can't be read. A layer
    whose ``fate`` isn't known is written, and stored once it is wanted; CancelledError is raised when it is given up.
    """
    return write_tar(layout, tar_stream(spec.entries, created), fate, compression)


def write_tar(
    layout: Layout, chunks: Iterator[bytes], fate: Fate | None = None, compression: Compression = Compression.GZIP
) -> Layer:
    """Write a tar as a layer's blob into a layout; ``fate`` as for :func:`write_layer`."""
    hashed, size = sha256(), 0

    def tar() -> Iterator[bytes]:
        nonlocal size
        for chunk in chunks:
            if fate:
                fate.check()
            hashed.update(chunk)
            size += len(chunk)
            yield chunk

    with layout.new_blob() as blob:
        for piece in compressed(tar(), compression):
            blob.write(piece)
        if fate:
            fate.wait()
    return Layer(Descriptor(_MEDIA_TYPES[compression], blob.digest, blob.size), f"sha256:{hashed.hexdigest()}", size)


def tar_stream(entries: tuple[Entry, ...], created: int) -> Iterator[bytes]:
    """The tar's bytes, in pieces of at most :data:`READ` and some headers."""
    for entry in with_parents(entries):
        yield header(entry, created)
        yield from content_of(entry)
        yield tarwrite.padding(entry.size)
    yield tarwrite.END


def content_of(entry: Entry) -> Iterator[bytes]:
    """A file's bytes, in pieces of at most :data:`READ`. Raises as :func:`write_layer`."""
    if isinstance(entry.content, HostFile):
        yield from _host_content(entry.content)
    elif entry.content:
        yield entry.content.data


def with_parents(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The entries sorted, each behind its parent folders; those that nobody listed are plain root-owned ones."""
    by_path: dict[str, Entry] = {}
    for entry in entries:
        if by_path.setdefault(entry.path, entry) is not entry:
            raise WhitError(f"the image would have two files at {entry.path}", hint="give one of them another path")
    for path in tuple(by_path):
        parent = os.path.dirname(path)  # noqa: PTH120 - a path inside the image, not of this machine
        while parent not in ("/", ""):
            if by_path.setdefault(parent, _parent(parent)).kind is not EntryKind.DIRECTORY:
                raise WhitError(f"the image would have a file at {parent} and another below it")
            parent = os.path.dirname(parent)  # noqa: PTH120
    return tuple(by_path[path] for path in sorted(by_path, key=lambda path: path.encode().split(b"/")))


def _parent(path: str) -> Entry:
    return Entry(path, EntryKind.DIRECTORY, _PARENT_MODE, "holds other files")


def header(entry: Entry, created: int) -> bytes:
    """One entry's header."""
    member = Member(
        name=entry.path.strip("/").encode(),
        kind=_KINDS[entry.kind],
        mode=entry.mode,
        uid=entry.uid,
        gid=entry.gid,
        size=entry.size,
        mtime_ns=created * 1_000_000_000,
        target=(entry.target or "").encode(),
    )
    return tarwrite.header(member)


def _host_content(file: HostFile) -> Iterator[bytes]:
    """A host file's bytes, exactly as many as were decided on, and all of one state of the file."""
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise InvalidFileError(f"{file.path} can't be read: {error.strerror}") from None
    try:
        _check_unchanged(file, descriptor)
        left = file.size
        while left:
            chunk = os.read(descriptor, min(READ, left))
            if not chunk:
                raise _changed(file)
            left -= len(chunk)
            yield chunk
        _check_unchanged(file, descriptor)
    finally:
        os.close(descriptor)


def _check_unchanged(file: HostFile, descriptor: int) -> None:
    state = os.fstat(descriptor)
    if (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns) != file.identity or state.st_size != file.size:
        raise _changed(file)


def _changed(file: HostFile) -> InvalidFileError:
    return InvalidFileError(
        f"{file.path} changed while it was being packed", hint="pack again once nothing writes to it"
    )
