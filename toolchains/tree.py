"""A source tree's digest: names, kinds, whether executable, contents; neither times nor places.

What was read before isn't read again as long as device, inode, size and times of a file are the same: an index of a tree
keeps its files' digests, as git's does. What version control keeps, and folders that mark themselves as caches
(CACHEDIR.TAG, bford.info/cachedir), are no part of it. Ignore files don't count: what one ignores may well be source, such
as generated code.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

VERSION_CONTROL = frozenset((".git", ".hg", ".svn", ".jj", ".bzr", "CVS"))
CACHE_TAG = "CACHEDIR.TAG"
_SETTLED_NS = 50_000_000
"""A file changed less than so long ago is read again the next time: a second change could leave its times as they are."""

_CHUNK = 1 << 20
_MOST_INDEX = 256 << 20

State = tuple[int, int, int, int, int]
"""Device, inode, size, mtime and ctime."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``digest`` in hex. ``leaves`` are links to folders outside: what is there isn't known, and may change without a trace.

    ``told`` says for people what was read.
    """

    digest: str
    files: int
    told: str = ""
    leaves: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    known: dict[str, list[object]]
    now: int
    kept: dict[str, list[object]] = field(default_factory=dict)
    leaves: list[str] = field(default_factory=list)
    files: int = 0
    is_new: bool = False


def snapshot(roots: Iterable[str], ignored: frozenset[str], excluded: frozenset[str], index: Path | None) -> Snapshot:
    """The digest of folders, in their order. ``ignored`` are folders' names, ``excluded`` absolute paths.

    Raises :class:`InvalidFileError` for what can't be read.
    """
    reading = _Reading(_recalled(index), time.time_ns())
    total = sha256()
    for root in roots:
        total.update(b"tree\0")
        base = len(root.rstrip("/")) + 1
        for path, kind, told in _entries(root, root, ignored | VERSION_CONTROL, excluded, reading):
            total.update(b"%b %b\0%b\n" % (kind, os.fsencode(path[base:]), told))
    if index and (reading.is_new or len(reading.kept) != len(reading.known)):
        _remember(index, reading.kept)
    return Snapshot(total.hexdigest(), reading.files, leaves=tuple(reading.leaves))


def snapshot_of_files(root: str, files: Iterable[str], index: Path | None) -> Snapshot:
    """As :func:`snapshot`, of files: ``root`` is the folder that their names are relative to."""
    reading = _Reading(_recalled(index), time.time_ns())
    total = sha256(b"files\0")
    for path in files:
        try:
            told = _content(path, os.stat(path), reading)  # noqa: PTH116 - a text, as all here
        except FileNotFoundError as error:
            raise _unreadable(path, error) from None
        total.update(b"%b\0%b\n" % (os.fsencode(os.path.relpath(path, root)), told))
    if index and (reading.is_new or len(reading.kept) != len(reading.known)):
        _remember(index, reading.kept)
    return Snapshot(total.hexdigest(), reading.files)


def _entries(
    root: str, folder: str, ignored: frozenset[str], excluded: frozenset[str], reading: _Reading
) -> Iterator[tuple[str, bytes, bytes]]:
    """Path, kind, and content's digest, in one order everywhere."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(folder, error) from None
    if folder != root and any(entry.name == CACHE_TAG for entry in entries):
        return
    if folder != root:
        yield folder, b"d", b""
    for entry in entries:
        if entry.path in excluded:
            continue
        if entry.is_symlink():
            yield entry.path, b"l", _link(root, entry.path, reading)
        elif entry.is_dir(follow_symlinks=False):
            if entry.name not in ignored:
                yield from _entries(root, entry.path, ignored, excluded, reading)
        elif entry.is_file(follow_symlinks=False):
            state = entry.stat(follow_symlinks=False)
            kind = b"x" if state.st_mode & stat.S_IXUSR else b"f"
            yield entry.path, kind, _content(entry.path, state, reading)


def _link(root: str, path: str, reading: _Reading) -> bytes:
    """Where it leads; of a file outside of the tree the content too."""
    target = os.fsencode(os.readlink(path))  # noqa: PTH115 - a text, as all here
    place = os.path.realpath(path)
    if f"{place}/".startswith(f"{os.path.realpath(root)}/"):
        return target
    if os.path.isdir(place):  # noqa: PTH112 - a text, as all here
        reading.leaves.append(path)
    elif os.path.isfile(place):  # noqa: PTH113
        return target + b"\0" + _content(place, os.stat(place), reading)  # noqa: PTH116
    return target


def _content(path: str, state: os.stat_result, reading: _Reading) -> bytes:
    now: State = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    known = reading.known.get(path)
    reading.files += 1
    if known and known[:-1] == list(now):
        reading.kept[path] = known
        return str(known[-1]).encode()
    reading.is_new = True
    digest = _digest(path)
    if reading.now - state.st_ctime_ns > _SETTLED_NS:
        reading.kept[path] = [*now, digest]
    return digest.encode()


def _digest(path: str) -> str:
    try:
        made = sha256()
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            while chunk := file.read(_CHUNK):
                made.update(chunk)
        return made.hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: OSError) -> InvalidFileError:
    return InvalidFileError(f"{path} can't be read: {(error.strerror or str(error)).lower()}")


def _recalled(index: Path | None) -> dict[str, list[object]]:
    """A damaged index is none."""
    with contextlib.suppress(OSError, ValueError):
        if index and index.stat().st_size <= _MOST_INDEX:
            found = json.loads(index.read_bytes())
            if isinstance(found, dict) and all(isinstance(one, list) and len(one) == 6 for one in found.values()):  # noqa: PLR2004 - a state and a digest
                return found
    return {}


def _remember(index: Path, kept: dict[str, list[object]]) -> None:
    """Failing to is no failure."""
    with contextlib.suppress(OSError):
        durable.private_folder(index.parent)
        made = durable.temporary_beside(index)
        made.write_text(json.dumps(kept))
        made.replace(index)
