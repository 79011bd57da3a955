"""Reading a container's log: its files in order, its last lines without the rest, and what comes, over rotations.

The supervisor writes ``log`` and renames it to ``log.1``, that to ``log.2`` and so on (docs/engine.md, The log).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import time

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.loglines import LastLines, Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from whit.runtime.engine.loglines import Wish

_BLOCK = 1 << 20
_BACKWARDS = 1 << 18
_POLL_S = 0.05
_NAME = re.compile(r"log(?:\.([1-9][0-9]{0,3}))?", re.ASCII)
_TRIES = 20


def show_log(
    folder: Path,
    wish: Wish,
    write: Callable[[int, bytes], None],
    *,
    tail: int | None = None,
    together: bool = False,
    alive: Callable[[], bool] | None = None,
) -> None:
    """Write what is wished for of the log in ``folder``: all, or the last ``tail`` lines.

    ``write`` gets each stream's; ``together`` all as stdout's, in the order in which it was written.

    With ``alive`` what comes is written too, until it is false (and all is written) or a line is after ``wish.until``.
    """
    shown = Shown(wish, together=together)
    with contextlib.ExitStack() as opened:
        descriptors = _open_files(folder)
        reader = _Reader(descriptors[-1] if descriptors else None)
        for descriptor in descriptors[:-1]:
            opened.callback(os.close, descriptor)
        opened.callback(reader.close)
        if tail is None:
            for at in range(len(descriptors) - 1):
                _copy(descriptors[at], 0, None, shown, write)
                shown.forget()
            reader.copy(shown, write)
        else:
            _show_last(descriptors, tail, reader, shown, write)
        if alive is not None:
            _follow(folder, reader, shown, write, alive)


def _listed(folder: Path) -> list[tuple[str, tuple[int, int]]]:
    """The log's files by name, the oldest first, each with what tells it from others."""
    numbered: list[tuple[int, str, tuple[int, int]]] = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            with contextlib.suppress(FileNotFoundError):
                if match and entry.is_file(follow_symlinks=False):
                    state = entry.stat(follow_symlinks=False)
                    numbered.append((int(match[1] or 0), entry.name, (state.st_dev, state.st_ino)))
    return [(name, identity) for _, name, identity in sorted(numbered, reverse=True)]


def _identity(descriptor: int) -> tuple[int, int]:
    state = os.fstat(descriptor)
    return state.st_dev, state.st_ino


def _open_files(folder: Path) -> list[int]:
    """Descriptors of all files, the oldest first; opened anew if the supervisor renames them meanwhile."""
    for attempt in range(_TRIES):
        before = _listed(folder)
        opened: dict[tuple[int, int], int] = {}
        for name, _ in before:
            with contextlib.suppress(FileNotFoundError):
                descriptor = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
                again = opened.pop(_identity(descriptor), None)
                if again is not None:
                    os.close(again)
                opened[_identity(descriptor)] = descriptor
        unchanged = list(opened) == [identity for _, identity in before] and before == _listed(folder)
        if unchanged or attempt == _TRIES - 1:
            return list(opened.values())
        for descriptor in opened.values():
            os.close(descriptor)
    return []


def _copy(descriptor: int, start: int, end: int | None, shown: Shown, write: Callable[[int, bytes], None]) -> int:
    """Show a file from ``start`` to ``end``, or to where it ends now; returns where that was."""
    at = start
    while end is None or at < end:
        block = os.pread(descriptor, _BLOCK if end is None else min(_BLOCK, end - at), at)
        if not block:
            break
        at += len(block)
        for stream, data in shown.feed(block):
            write(stream, data)
    return at


class _Reader:
    """The newest file, and how far it has been shown."""

    def __init__(self, descriptor: int | None) -> None:
        self.descriptor = descriptor
        self.at = 0

    def copy(self, shown: Shown, write: Callable[[int, bytes], None]) -> bool:
        """Show what is new; whether there was anything."""
        if self.descriptor is None:
            return False
        if os.fstat(self.descriptor).st_size < self.at:
            self.at = 0  # it began anew in its place
            shown.forget()
        before = self.at
        self.at = _copy(self.descriptor, self.at, None, shown, write)
        return self.at > before

    def replace(self, descriptor: int) -> None:
        self.close()
        self.descriptor, self.at = descriptor, 0

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


def _show_last(
    descriptors: list[int], tail: int, reader: _Reader, shown: Shown, write: Callable[[int, bytes], None]
) -> None:
    sizes = [os.fstat(descriptor).st_size for descriptor in descriptors]
    starts = _last_starts(descriptors, sizes, tail) if tail > 0 else {}
    # Each stream begins where its first wanted line does; both go on together from where the later one begins.
    ends = (len(descriptors) - 1, sizes[-1] if sizes else 0)
    edges = sorted({*starts.values(), ends})
    both = shown.streams
    for start, end in itertools.pairwise(edges):
        shown.streams = frozenset(stream for stream, place in starts.items() if place <= start)
        for at in range(start[0], end[0] + 1):
            first = start[1] if at == start[0] else 0
            last = end[1] if at == end[0] else sizes[at]
            _copy(descriptors[at], first, last, shown, write)
            if at < end[0]:
                shown.forget()
    shown.streams = both
    reader.at = ends[1]
    reader.copy(shown, write)


def _last_starts(descriptors: list[int], sizes: list[int], tail: int) -> dict[int, tuple[int, int]]:
    last = LastLines(tail)
    for at in range(len(descriptors) - 1, -1, -1):
        for start, head in _lines_backwards(descriptors[at], sizes[at], last):
            if not last.add((at, start), head):
                return last.starts
        if not last.far(0):
            break
    return last.starts


def _lines_backwards(descriptor: int, size: int, last: LastLines) -> Iterator[tuple[int, bytes]]:
    """Where each whole line begins, and its first bytes, from the last to the first."""
    end, after = size, b""
    is_end_known = False
    while end > 0:
        start = max(0, end - _BACKWARDS)
        block = os.pread(descriptor, end - start, start)
        if not last.far(len(block)):
            return
        cut = block.rfind(b"\n") if not is_end_known else len(block)
        if cut < 0:
            end = start
            continue
        block, is_end_known = block[:cut] if cut < len(block) else block, True
        begins = [0, *(match.end() for match in re.finditer(b"\n", block))]
        for begin in reversed(begins[1:]):
            yield start + begin, (block[begin : begin + 40] + after)[:40]
            after = b""
        after = (block[:40] + after)[:40]
        end = start
    if is_end_known:
        yield 0, after


def _follow(
    folder: Path, reader: _Reader, shown: Shown, write: Callable[[int, bytes], None], alive: Callable[[], bool]
) -> None:
    while not shown.is_past:
        was_alive = alive()
        news = reader.copy(shown, write)
        if _go_on(folder, reader, shown, write):
            continue
        if not was_alive:
            return
        if not news:
            time.sleep(_POLL_S)


def _go_on(folder: Path, reader: _Reader, shown: Shown, write: Callable[[int, bytes], None]) -> bool:
    """Go on with the files that are newer than the reader's; whether there is one."""
    if reader.descriptor is not None:
        try:
            state = os.stat(folder / "log", follow_symlinks=False)  # noqa: PTH116 - its twin is an fstat
        except FileNotFoundError:
            return False
        if (state.st_dev, state.st_ino) == _identity(reader.descriptor):
            return False
        # It was renamed: what was written before that is there now.
        reader.copy(shown, write)
    descriptors = _open_files(folder)
    known = [_identity(descriptor) for descriptor in descriptors]
    mine = _identity(reader.descriptor) if reader.descriptor is not None else None
    older = known.index(mine) + 1 if mine in known else 0
    for descriptor in descriptors[:older]:
        os.close(descriptor)
    for descriptor in descriptors[older:]:
        shown.forget()
        reader.replace(descriptor)
        reader.copy(shown, write)
    return bool(descriptors[older:])
