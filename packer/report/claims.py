"""Who claims which addresses of a file: known pieces, and places from which on something reaches. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Path = tuple[str, ...]
    Known = tuple[int, int, str | Path]
    """Where something begins in memory, where it ends, its name; or whose it is, of what has none."""

_BITS = 24
_NEAR = 4096
"""Bytes of a thing behind the place that is referred to, at most: the next such place ends it earlier."""

_MOST_OWNERS = (1 << _BITS) - 1


def dealt(starts: Mapping[int, Path], size: int) -> Iterator[tuple[int, Path]]:
    """Bytes and owners of a table in which each piece reaches to the next one's beginning, the last to the table's end."""
    order = sorted(start for start in starts if 0 <= start < size)
    for start, end in pairwise([*order, size]):
        if starts[start]:
            yield end - start, starts[start]


class Claims:
    """Pieces of memory with a name, and places that somebody refers to: such a place is his up to the next claim.

    There may be millions of places: each is one number, its address and after it the number of who claims it.
    """

    def __init__(self, known: Iterable[Known]) -> None:
        self.known = sorted(known, key=lambda one: (one[0], -one[1]))
        self._starts = [start for start, _, _ in self.known]
        self._owners: dict[Path, int] = {}
        self._places = array("Q")
        self._sorted = array("Q")
        self._paths: list[Path] = []

    def named(self, address: int) -> str | Path | None:
        """The name of the piece around an address, or whose it is; None where there is no piece."""
        at = bisect_right(self._starts, address) - 1
        return self.known[at][2] if at >= 0 and address < self.known[at][1] else None

    def owner(self, address: int) -> str | Path | None:
        """Who has what stands there: a name, or who refers to it, or to a place so little before it that it is of the same thing."""
        at = bisect_right(self._starts, address) - 1
        if at >= 0 and address < self.known[at][1]:
            return self.known[at][2]
        self._sort()
        lowest = max(self.known[at][1] if at >= 0 else 0, address - _NEAR)
        place = bisect_left(self._sorted, (address + 1) << _BITS) - 1
        if place < 0 or self._sorted[place] >> _BITS < lowest:
            return None
        place = bisect_left(self._sorted, self._sorted[place] >> _BITS << _BITS)  # the first who refers to it
        return self._path(self._sorted[place] & _MOST_OWNERS) or None

    def owners(self, addresses: Iterable[int]) -> Iterator[str | Path | None]:
        """As :meth:`owner`, of many addresses that rise: one walk past all claims."""
        self._sort()
        piece, place, first, pieces, places = -1, -1, 0, len(self.known), len(self._sorted)
        for address in addresses:
            while piece + 1 < pieces and self._starts[piece + 1] <= address:
                piece += 1
            begin = (address + 1) << _BITS
            while place + 1 < places and self._sorted[place + 1] < begin:
                place += 1
                if not place or self._sorted[place] >> _BITS != self._sorted[first] >> _BITS:
                    first = place
            if piece >= 0 and address < self.known[piece][1]:
                yield self.known[piece][2]
                continue
            lowest = max(self.known[piece][1] if piece >= 0 else 0, address - _NEAR)
            if place < 0 or self._sorted[first] >> _BITS < lowest:
                yield None
            else:
                yield self._path(self._sorted[first] & _MOST_OWNERS) or None

    def refer(self, address: int, owner: Path) -> None:
        """Somebody refers to an address; an empty owner is somebody unknown, behind whom all others come first."""
        number = self._owners.setdefault(owner, len(self._owners)) if owner else _MOST_OWNERS
        if number <= _MOST_OWNERS and 0 <= address < 1 << (64 - _BITS):
            self._places.append(address << _BITS | number)

    def pieces(self, start: int, end: int) -> Iterator[tuple[str | Path, int]]:
        """Who claims what from ``start`` to ``end``, no byte twice: a name, or who refers to it, and bytes.

        Of pieces that overlap the first has what they share.
        """
        at = start
        for number in range(bisect_left(self._starts, start), len(self.known)):
            begins, ends, name = self.known[number]
            if begins >= end:
                break
            if begins > at:
                yield from self._referred(at, begins)
                at = begins
            begins, ends = max(begins, at), min(ends, end)
            if ends > begins:
                yield name, ends - begins
                at = ends
        if at < end:
            yield from self._referred(at, end)

    def _referred(self, start: int, end: int) -> Iterator[tuple[Path, int]]:
        self._sort()
        places, at, owner = self._sorted, -1, -1
        for number in range(bisect_left(places, start << _BITS), len(places)):
            address = places[number] >> _BITS
            if address >= end:
                break
            if address == at:
                continue
            if owner >= 0:
                yield self._path(owner), address - at
            at, owner = address, places[number] & _MOST_OWNERS
        if owner >= 0:
            yield self._path(owner), end - at

    def _path(self, number: int) -> Path:
        return self._paths[number] if number < len(self._paths) else ()

    def _sort(self) -> None:
        if len(self._sorted) != len(self._places) or len(self._paths) != len(self._owners):
            self._sorted, self._paths = array("Q", sorted(self._places)), list(self._owners)
