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
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

VERSION_CONTROL = frozenset((".git", ".hg", ".svn", ".jj", ".bzr", "CVS"))
CACHE_TAG = "CACHEDIR.TAG"
_SETTLED_NS = 50_000_000
"""A file changed less than so long ago is read again the next time: a second change could leave its times as they are."""

_CHUNK = 1 << 20
_KERNEL_S = ("/proc/", "/sys/")
_HEARD = 64 * _CHUNK
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
    heard: Callable[[str], None] | None = None


def snapshot(
    roots: Iterable[str],
    ignored: frozenset[str],
    excluded: frozenset[str],
    index: Path | None,
    heard: Callable[[str], None] | None = None,
) -> Snapshot:
    """The digest of folders and lone files, in their order. ``ignored`` are folders' names, ``excluded`` absolute paths.

    A file is known by where it is from the first root, so that a tree that has moved along with it is the same. ``heard`` is told again and again which file is being read that takes long. Raises :class:`InvalidFileError` for what
    can't be read, and for what isn't to be: pipes and devices.
    """
    reading = _Reading(_recalled(index), time.time_ns(), heard=heard)
    total, first = sha256(), ""
    for root in roots:
        first = first or root
        if os.path.isfile(root):  # noqa: PTH113 - a text, as all here
            told = _content(root, os.stat(root), reading)  # noqa: PTH116 - as above
            total.update(b"file\0%b\0%b\n" % (os.fsencode(os.path.relpath(root, first)), told))
            continue
        total.update(b"tree\0")
        base = len(root.rstrip("/")) + 1
        for path, kind, told in _entries(root, ignored | VERSION_CONTROL, excluded, reading):
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
    root: str, ignored: frozenset[str], excluded: frozenset[str], reading: _Reading
) -> Iterator[tuple[str, bytes, bytes]]:
    """Path, kind, and content's digest, in one order everywhere: what is in a folder follows it. However deep they are."""
    pending = [iter(_listed(root))]
    while pending:
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
        elif entry.path in excluded:
            continue
        elif entry.is_symlink():
            yield entry.path, b"l", _link(root, entry.path, reading)
        elif entry.is_dir(follow_symlinks=False):
            below = _listed(entry.path) if entry.name not in ignored else None
            if below is not None and not any(one.name == CACHE_TAG for one in below):
                yield entry.path, b"d", b""
                pending.append(iter(below))
        else:
            state = entry.stat(follow_symlinks=False)
            _check_kind(entry.path, entry.path, state.st_mode)
            if stat.S_ISREG(state.st_mode):
                yield entry.path, b"x" if state.st_mode & stat.S_IXUSR else b"f", _content(entry.path, state, reading)


def _listed(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(folder, error) from None


def _check_kind(path: str, place: str, mode: int) -> None:
    """A compiler would wait for a pipe, and read a device without end. Raises :class:`InvalidFileError`."""
    kind = "a pipe" if stat.S_ISFIFO(mode) else "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else None
    if kind and place != os.devnull:
        raise InvalidFileError(
            f"{path} is {kind}, which no compiler should read", hint="remove it, or build a copy without it"
        )


def _link(root: str, path: str, reading: _Reading) -> bytes:
    """Where it leads; of a file outside of the tree the content too."""
    target = os.fsencode(os.readlink(path))  # noqa: PTH115 - a text, as all here
    place = os.path.realpath(path)
    if f"{place}/".startswith(f"{os.path.realpath(root)}/"):
        return target
    try:
        state = os.stat(place)  # noqa: PTH116 - a text, as all here
    except OSError:
        return target
    _check_kind(path, place, state.st_mode)
    if place.startswith(_KERNEL_S):
        raise InvalidFileError(
            f"{path} leads to {place}, which is no file of anybody's sources", hint="remove the link"
        )
    if stat.S_ISDIR(state.st_mode):
        reading.leaves.append(path)
    elif stat.S_ISREG(state.st_mode):
        return target + b"\0" + _content(place, state, reading)
    return target


def _content(path: str, state: os.stat_result, reading: _Reading) -> bytes:
    now: State = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    known = reading.known.get(path)
    reading.files += 1
    if known and known[:-1] == list(now):
        reading.kept[path] = known
        return str(known[-1]).encode()
    reading.is_new = True
    digest = _digest(path, reading.heard)
    if reading.now - state.st_ctime_ns > _SETTLED_NS:
        reading.kept[path] = [*now, digest]
    return digest.encode()


def _opened(path: str, flags: int) -> int:
    """What has become a pipe meanwhile isn't waited for."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _digest(path: str, heard: Callable[[str], None] | None) -> str:
    try:
        made, size = sha256(), 0
        with open(path, "rb", buffering=0, opener=_opened) as file:
            while chunk := file.read(_CHUNK):
                made.update(chunk)
                size += len(chunk)
                if heard and size % _HEARD == 0:
                    heard(path)
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
