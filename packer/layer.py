"""A layer: entries → a deterministic tar → its digest, and the compressed blob with its own, in one pass.

POSIX ustar (IEEE 1003.1-2017, pax, "ustar Interchange Format"), with pax records only where ustar can't hold a value:
a name that is long or not ASCII, a size from 8 GiB up. Entries are sorted, parents first; owner, mode and time are
the entry's and the image's, never the host's.
"""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.compress import gzip_stream
from whit.packer.errors import InvalidFileError, WhitError
from whit.packer.imagespec import Entry, EntryKind, HostFile, LayerSpec
from whit.packer.oci import LAYER_GZIP, Descriptor, Layer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.early import Fate
    from whit.packer.layout import Layout

RECORD = 512
READ = 256 << 10
_NAME_BYTES, _PREFIX_BYTES, _LINK_BYTES = 100, 155, 100
_OCTAL_ID = 0o7777777
_OCTAL_SIZE = 0o77777777777
_PARENT_MODE = 0o755
_TYPES = {EntryKind.FILE: b"0", EntryKind.DIRECTORY: b"5", EntryKind.SYMLINK: b"2"}


def write_layer(layout: Layout, spec: LayerSpec, created: int, fate: Fate | None = None) -> Layer:
    """Write a layer's blob into a layout. ``created`` is every entry's time, in seconds since the epoch.

    Raises :class:`InvalidFileError` when a host file has changed since it was decided on, or can't be read. A layer
    whose ``fate`` isn't known is written, and stored once it is wanted; CancelledError is raised when it is given up.
    """
    hashed, size = sha256(), 0

    def tar() -> Iterator[bytes]:
        nonlocal size
        for chunk in tar_stream(spec.entries, created):
            if fate:
                fate.check()
            hashed.update(chunk)
            size += len(chunk)
            yield chunk

    with layout.new_blob() as blob:
        for piece in gzip_stream(tar()):
            blob.write(piece)
        if fate:
            fate.wait()
    return Layer(Descriptor(LAYER_GZIP, blob.digest, blob.size), f"sha256:{hashed.hexdigest()}", size)


def tar_stream(entries: tuple[Entry, ...], created: int) -> Iterator[bytes]:
    """The tar's bytes, in pieces of at most :data:`READ` and some headers."""
    for entry in with_parents(entries):
        yield header(entry, created)
        if isinstance(entry.content, HostFile):
            yield from _host_content(entry.content)
        elif entry.content:
            yield entry.content.data
        yield bytes(-entry.size % RECORD)
    yield bytes(2 * RECORD)


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
    """One entry's header: ustar's, behind a pax header where ustar can't hold a value."""
    name = entry.path.strip("/").encode() + (b"/" if entry.kind is EntryKind.DIRECTORY else b"")
    target = (entry.target or "").encode()
    size = entry.size
    records: list[tuple[str, bytes]] = []
    split = _split(name)
    if split is None:
        records.append(("path", name))
        split = (b"", name.decode("ascii", "replace").encode("ascii", "replace")[:_NAME_BYTES])
    if len(target) > _LINK_BYTES or not target.isascii():
        records.append(("linkpath", target))
        target = b""
    if size > _OCTAL_SIZE:
        records.append(("size", str(size).encode()))
    for key, number in (("uid", entry.uid), ("gid", entry.gid)):
        if number > _OCTAL_ID:
            records.append((key, str(number).encode()))
    if created > _OCTAL_SIZE:
        records.append(("mtime", str(created).encode()))
    block = _ustar(split, entry.mode, (entry.uid, entry.gid), size, created, _TYPES[entry.kind], target)
    return _pax(records) + block if records else block


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """A name as ustar's prefix and name; None if it doesn't fit."""
    if not name.isascii():
        return None
    if len(name) <= _NAME_BYTES:
        return b"", name
    slash = name.find(b"/", len(name) - _NAME_BYTES - 1, -1)
    return (name[:slash], name[slash + 1 :]) if 0 < slash <= _PREFIX_BYTES else None


def _ustar(
    split: tuple[bytes, bytes], mode: int, owner: tuple[int, int], size: int, created: int, kind: bytes, target: bytes
) -> bytes:
    prefix, name = split
    uid, gid = (number if number <= _OCTAL_ID else 0 for number in owner)
    block = bytearray(RECORD)
    block[0 : len(name)] = name
    block[100:108] = b"%07o\0" % (mode & 0o7777)
    block[108:124] = b"%07o\0%07o\0" % (uid, gid)
    block[124:136] = b"%011o\0" % (size if size <= _OCTAL_SIZE else 0)
    block[136:148] = b"%011o\0" % (created if created <= _OCTAL_SIZE else 0)
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[157 : 157 + len(target)] = target
    block[257:265] = b"ustar\x0000"
    block[329:345] = b"%07o\0%07o\0" % (0, 0)
    block[345 : 345 + len(prefix)] = prefix
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _pax(records: list[tuple[str, bytes]]) -> bytes:
    """A pax extended header: its own ustar header, then the records."""
    body = b"".join(_pax_record(key, value) for key, value in sorted(records))
    block = _ustar((b"", b"././@PaxHeader"), 0o644, (0, 0), len(body), 0, b"x", b"")
    return block + body + bytes(-len(body) % RECORD)


def _pax_record(key: str, value: bytes) -> bytes:
    r"""``length key=value\\n``, where the length counts its own digits."""
    rest = b" %s=%s\n" % (key.encode(), value)
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return b"%d%s" % (length, rest)


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
