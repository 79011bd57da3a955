"""The lines of a container's log: ``TIME STREAM TAG TEXT`` → what the program wrote, and where its last lines begin. Pure.

A line that has another form (cut off by a crash, zeros after a power cut) is passed over.
"""

from __future__ import annotations

import re

from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

STDOUT, STDERR = 1, 2
TIME = 30
"""Bytes of ``2026-11-29T12:00:00.123456789Z``: fixed, so that times can be compared as they are."""

_HEAD = 40
LONGEST = 1 << 16
"""Bytes of a line, and more: what has no end by then is no line of a log."""

_WORDS = {
    b"Z stdout F ": (STDOUT, True),
    b"Z stdout P ": (STDOUT, False),
    b"Z stderr F ": (STDERR, True),
    b"Z stderr P ": (STDERR, False),
}
_BEFORE_WORDS = TIME - 1
_PLAIN = {
    frozenset({STDOUT, STDERR}): re.compile(rb"\n[0-9]{4}-[^\n]{24}Z std(?:out|err) F "),
    frozenset({STDOUT}): re.compile(rb"\n[0-9]{4}-[^\n]{24}Z stdout F "),
    frozenset({STDERR}): re.compile(rb"\n[0-9]{4}-[^\n]{24}Z stderr F "),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """Which lines, and how: times as the log has them; empty where there is no limit. ``details`` stands before each."""

    since: bytes = b""
    until: bytes = b""
    timestamps: bool = False
    details: bytes = b""


class Shown:
    """Turns blocks of a log into what is shown of them; remembers what one block leaves to the next.

    ``together`` is whether both streams go to one place: then all is given as stdout's, in its order.
    """

    __slots__ = ("_open", "_rest", "is_past", "streams", "together", "wish")

    def __init__(self, wish: Wish, *, together: bool = False) -> None:
        self.wish, self.together = wish, together
        self.streams = frozenset({STDOUT, STDERR})
        self.is_past = False
        """Whether a line came that is after ``until``."""

        self._rest = b""
        self._open: set[int] = set()

    def feed(self, block: bytes) -> Iterator[tuple[int, bytes]]:
        """What is to be written for a block, to which stream; a line's beginning is kept for the next block."""
        end = block.rfind(b"\n") + 1
        if not end:
            self._rest = (self._rest + block)[:LONGEST]
            return
        lines, self._rest = self._rest + block[:end], block[end : end + LONGEST]
        yield from self._quickly(lines) or self._one_by_one(lines)

    def forget(self) -> None:
        """The file has ended: what is kept of its last line is no line."""
        self._rest = b""

    def _quickly(self, lines: bytes) -> list[tuple[int, bytes]]:
        """The usual case, whole lines for one place, all at once; empty if it is another."""
        if self.wish.since or self.wish.until or self.wish.timestamps or self.wish.details:
            return []
        first = STDERR if lines[TIME : TIME + 7] == b" stderr" else STDOUT
        streams = self.streams if self.together else self.streams & {first}
        if not streams:
            return []
        made, count = _PLAIN[streams].subn(b"\n", b"\n" + lines)
        to = STDOUT if self.together else first
        return [(to, made[1:])] if count == lines.count(b"\n") else []

    def _one_by_one(self, lines: bytes) -> Iterator[tuple[int, bytes]]:
        since, until, details = self.wish.since, self.wish.until, self.wish.details
        head = TIME + 1 if self.wish.timestamps else 0
        out: list[bytes] = []
        runs = {STDOUT: out, STDERR: out if self.together else []}
        for line in lines.split(b"\n"):
            words = _WORDS.get(line[_BEFORE_WORDS:_HEAD])
            if words is None or line[:TIME] < since:
                continue
            stream, whole = words
            if until and line[:TIME] > until:
                self.is_past = True
                continue
            if stream not in self.streams:
                continue
            run = runs[stream]
            if head or details:
                if stream not in self._open:
                    run.append(line[:head] + details)
                self._set_open(stream, not whole)
            run.append(line[_HEAD:])
            if whole:
                run.append(b"\n")
        for stream in (STDOUT,) if self.together else (STDOUT, STDERR):
            if runs[stream]:
                yield stream, b"".join(runs[stream])

    def _set_open(self, stream: int, is_open: bool) -> None:  # noqa: FBT001 - the one thing it says
        if is_open:
            self._open.add(stream)
        else:
            self._open.discard(stream)


class LastLines:
    """Finds, from the end backwards, where each stream's part of a log's last ``count`` lines begins."""

    __slots__ = ("_complete", "_farther", "_seen", "count", "starts")

    def __init__(self, count: int) -> None:
        self.count = count
        self.starts: dict[int, tuple[int, int]] = {}
        """Stream → file and offset in it; a stream that isn't here has none of those lines."""

        self._complete: set[int] = set()
        self._seen = self._farther = 0

    def add(self, place: tuple[int, int], head: bytes) -> bool:
        """Tell of the line before all others so far, by where it is and how it begins; False when that was enough."""
        words = _WORDS.get(head[_BEFORE_WORDS:_HEAD])
        if words is None:
            return True
        stream, whole = words
        if stream in self._complete:
            return not self._is_enough()
        if whole or stream not in self.starts:
            if self._seen == self.count:
                self._complete.add(stream)
                return not self._is_enough()
            self._seen += 1
        self.starts[stream] = place
        return not self._is_enough()

    def far(self, size: int) -> bool:
        """So many bytes more were looked at; False where the first part of a line isn't waited for any more."""
        self._farther += size if self._seen == self.count else 0
        return self._farther < FARTHEST

    def _is_enough(self) -> bool:
        return self._seen == self.count and all(stream in self._complete for stream in self.starts)


FARTHEST = 4 << 20
"""How far before a log's last lines parts of them are looked for: one may have begun before many of the other stream's."""
