"""Which files have changed. inotify(7) only says when to look; what has changed is told by what there was and what there is.

So no event that is lost, comes late or tells half of it (a folder that is moved in, a queue that ran over) leaves anything out, and where inotify
doesn't reach (file systems of other machines', too many folders for one user) the same look is taken each second. inotify is called by ctypes:
three functions of the C library's, and no package beside it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import stat
import time

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

    State = tuple[int, ...]
    Snapshot = dict[str, State]

MOST = 200_000
"""Files of one tree; whoever has more ignores some."""

_MODIFIED, _ATTRIBUTES, _WRITTEN, _MOVED, _MADE, _REMOVED, _ITSELF = 0x2, 0x4, 0x8, 0xC0, 0x100, 0x200, 0xC00
_MASK = _MODIFIED | _ATTRIBUTES | _WRITTEN | _MOVED | _MADE | _REMOVED | _ITSELF | 0x01000000
"""With IN_ONLYDIR."""

_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK
_QUIET_S, _LONGEST_S, _POLL_S, _HEED_S = 0.1, 2.0, 1.0, 0.2


class Tree:
    """A folder, or a file, and which paths in it nobody looks at."""

    def __init__(self, path: str, passes_over: Callable[[str], bool]) -> None:
        self.path, self.passes_over = path, passes_over
        self.seen: Snapshot = {}

    def look(self, watch: Callable[[str], None]) -> Iterator[tuple[str, bool]]:
        """(path, whether it is gone) of what has changed since the last look; folders are watched before they are read."""
        now: Snapshot = {}
        self._walk(watch, now)
        before, self.seen = self.seen, now
        for path in sorted(before.keys() - now.keys()):
            yield path, True
        for path, state in now.items():
            if before.get(path) != state:
                yield path, False

    def _walk(self, watch: Callable[[str], None], now: Snapshot) -> None:
        try:
            top = os.stat(self.path)  # noqa: PTH116 - texts: half the time of a Path's
        except OSError:
            watch(os.path.dirname(self.path))  # noqa: PTH120 - as above
            return
        if not stat.S_ISDIR(top.st_mode):
            watch(os.path.dirname(self.path))  # noqa: PTH120 - as above
            now[self.path] = _state(top)
            return
        folders = [self.path]
        while folders:
            folder = folders.pop()
            watch(folder)
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    self._enter(entry, folders, now)
            if len(now) > MOST:
                raise UsageError(
                    f"{self.path} has more than {MOST} files", hint="ignore: takes some out of develop.watch"
                )

    def _enter(self, entry: os.DirEntry[str], folders: list[str], now: Snapshot) -> None:
        if self.passes_over(entry.path):
            return
        with contextlib.suppress(OSError):
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                folders.append(entry.path)
                now[entry.path] = (stat.S_IFDIR,)
            elif stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
                now[entry.path] = _state(found)


def _state(found: os.stat_result) -> State:
    return found.st_mode, found.st_size, found.st_mtime_ns, found.st_ino


class Watch:
    """Trees that are looked at when something has happened in them. To be closed."""

    def __init__(self, trees: Sequence[Tree]) -> None:
        self.trees = trees
        self._library = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = self._library.inotify_init1(_FLAGS)
        self.polls = self._descriptor < 0
        """Whether a look is taken each second, since nobody says when."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def _watch(self, folder: str) -> None:
        if self._descriptor >= 0 and self._library.inotify_add_watch(self._descriptor, os.fsencode(folder), _MASK) < 0:
            # A folder that has gone is no reason; that there can't be more watches is.
            self.polls = self.polls or os.path.isdir(folder)  # noqa: PTH112 - a text

    def look(self) -> list[tuple[Tree, str, bool]]:
        """(tree, path, whether it is gone) of all that has changed since the last look."""
        return [(tree, path, is_gone) for tree in self.trees for path, is_gone in tree.look(self._watch)]

    def wait(self, left: threading.Event) -> bool:
        """Until something may have changed and then nothing for a moment; False when nobody wants to know any more."""
        until = time.monotonic() + _POLL_S
        while not left.is_set():
            if self._happened(min(_HEED_S, _POLL_S)):
                break
            if self.polls and time.monotonic() >= until:
                return True
        end = time.monotonic() + _LONGEST_S
        while not left.is_set() and time.monotonic() < end and self._happened(_QUIET_S):
            pass
        return not left.is_set()

    def _happened(self, seconds: float) -> bool:
        """Whether anything happened within this time; what is told of it is thrown away."""
        if self._descriptor < 0:
            time.sleep(seconds)
            return False
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return False
        with contextlib.suppress(BlockingIOError):
            while os.read(self._descriptor, 1 << 16):
                pass
        return True
