"""Finding many byte strings in large data, in few passes over it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mmap
    from collections.abc import Collection, Iterable, Sequence

    Data = bytes | mmap.mmap
    Span = tuple[int, int]

_WINDOW = 256 << 10
"""Bytes: half of a processor's second-level cache."""

_FORGOTTEN = 8 << 20
"""Bytes that are given back at once."""

_PAGE = 64 << 10
"""The largest of Linux' page sizes."""

_DONT_NEED = 4
"""madvise(2)'s MADV_DONTNEED."""


class Sweep:
    """Lets the kernel have back what has been read of a mapped file, so that memory doesn't grow with the file. For bytes it does nothing.

    The pages stay in the kernel's own cache: to read one again costs a fault, no disk.
    """

    def __init__(self, data: Data, start: int) -> None:
        self._data = data if hasattr(data, "madvise") else None
        self._start = start

    def passed(self, at: int) -> None:
        """All before ``at`` has been read."""
        if self._data is not None and at - self._start >= _FORGOTTEN:
            start = self._start // _PAGE * _PAGE
            self._data.madvise(_DONT_NEED, start, at // _PAGE * _PAGE - start)
            self._start = at


def merge(spans: Iterable[Span], limit: int) -> tuple[Span, ...]:
    """Half-open byte ranges, cut to [0, limit), sorted, with overlaps joined: no byte is ever read twice."""
    merged: list[Span] = []
    for start, end in sorted((max(start, 0), min(end, limit)) for start, end in spans):
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def subtract(spans: Sequence[Span], holes: Sequence[Span]) -> tuple[Span, ...]:
    """What of ``spans`` (sorted, disjoint) lies in none of ``holes`` (sorted, disjoint)."""
    left: list[Span] = []
    index = 0
    for start, end in spans:
        at = start
        while index < len(holes) and holes[index][1] <= at:
            index += 1
        hole = index
        while hole < len(holes) and holes[hole][0] < end:
            if holes[hole][0] > at:
                left.append((at, holes[hole][0]))
            at = max(at, holes[hole][1])
            hole += 1
        if at < end:
            left.append((at, end))
    return tuple(left)


def find_first(data: Data, spans: Sequence[Span], needles: Iterable[bytes]) -> dict[bytes, int]:
    """The offset of the first occurrence in ``spans`` of each needle that occurs; spans are sorted and disjoint.

    The data is looked through in windows that stay in the processor's cache while one needle after the other is
    sought: 0.3 ns a byte and needle. Needles that begin with the same byte are sought together, at the cost of one;
    ``mmap.find`` is twenty times slower, and so is a regular expression for all needles.
    """
    left = {needle for needle in needles if needle}
    overlap = max(map(len, left), default=1) - 1
    groups = _groups(left)
    found: dict[bytes, int] = {}
    for start, end in spans:
        sweep = Sweep(data, start)
        for at in range(start, end, _WINDOW):
            sweep.passed(at)
            window = data[at : min(at + _WINDOW + overlap, end)]
            new = {needle: at + place for group in groups for needle, place in group.places(window).items()}
            if new:
                found.update(new)
                left -= new.keys()
                groups = tuple(later for group in groups for later in group.without(new.keys()))
            if not left:
                return found
    return found


@dataclass(frozen=True, slots=True)
class _Group:
    """Needles with the same first byte; ``pattern`` matches that byte where any of them stands, None for one needle."""

    needles: tuple[bytes, ...]
    pattern: re.Pattern[bytes] | None

    def places(self, window: bytes) -> dict[bytes, int]:
        """Where each needle stands first."""
        if self.pattern is None:
            place = window.find(self.needles[0])
            return {self.needles[0]: place} if place >= 0 else {}
        places: dict[bytes, int] = {}
        for match in self.pattern.finditer(window):
            for needle in self.needles:
                if needle not in places and window.startswith(needle, match.start()):
                    places[needle] = match.start()
            if len(places) == len(self.needles):
                break
        return places

    def without(self, found: Collection[bytes]) -> tuple[_Group, ...]:
        """What is still to be sought."""
        rest = tuple(needle for needle in self.needles if needle not in found)
        return (self,) if len(rest) == len(self.needles) else _groups(rest)


def _groups(needles: Iterable[bytes]) -> tuple[_Group, ...]:
    by_first: dict[bytes, list[bytes]] = {}
    for needle in sorted(needles):
        by_first.setdefault(needle[:1], []).append(needle)
    return tuple(_Group(tuple(group), _pattern(group) if len(group) > 1 else None) for group in by_first.values())


def _pattern(group: list[bytes]) -> re.Pattern[bytes]:
    """It begins with a literal byte, which is found by memchr."""
    rest = b"|".join(re.escape(needle[1:]) for needle in group)
    return re.compile(re.escape(group[0][:1]) + b"(?=" + rest + b")")
