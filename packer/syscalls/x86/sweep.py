"""The instructions of x86-64 code, one behind the other, and which of them turn the flow: many at once. Pure.

How long those are that compilers use is known for all bytes at once (lengths.py), and so the way from each to the next, and to the eighth next: it is looked up.
iced-x86 is asked for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from iced_x86 import Decoder

from whit.packer.syscalls.x86.lengths import LONGEST, lengths
from whit.packer.syscalls.x86.turns import told_turns, turn_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whit.packer.syscalls.pieces import Turns
    from whit.packer.syscalls.x86.lengths import Bytes

    Numbers = NDArray[np.int64]

_DOUBLINGS = 3
_FARTHEST = LONGEST << _DOUBLINGS
"""Of the way from an instruction to the next; bytes of the longest way."""


@dataclass(slots=True)
class _Asked:
    """Instructions that iced-x86 was asked for, and those of them that turn the flow, and how: by their distances from ``start``."""

    decoder: Decoder
    start: int
    size: int
    length: bytes
    places: list[int] = field(default_factory=list)
    turned: list[tuple[int, int, int]] = field(default_factory=list)

    def go_on(self, place: int) -> int:
        """Ask for the instruction there, and for those behind it, up to the first whose length is known. Returns where that is."""
        start, size, length = self.start, self.size, self.length
        self.decoder.position, self.decoder.ip = place, start + place
        for instruction in self.decoder:
            place = instruction.ip - start
            if place >= size or length[place]:
                return place
            self.places.append(place)
            turn = turn_of(instruction)
            if turn is not None:
                self.turned.append((place, *turn))
        return int(self.decoder.position)


def swept(code: bytes, start: int, end: int, turns: Turns, before: int = 0) -> tuple[Numbers, int]:
    """The addresses of the instructions that begin below ``end``, and where the next one does; ``before`` is how many were found so far.

    Some bytes from behind ``end`` may be given with the code. What turns the flow is added to ``turns``.
    """
    size = end - start
    length, may_turn = lengths(code, size)
    ways = _ways(length)
    asked = _Asked(Decoder(64, code, ip=start), start, size, length.tobytes())
    places, behind = _followed(ways, asked)
    known, codes_known, targets_known = np.array(asked.turned, dtype=np.uint64).reshape(-1, 3).T
    may_turn[asked.places] = 0
    may_turn[known] = 1
    indexes = np.nonzero(may_turn.take(places) != 0)[0]
    at = places[indexes]
    codes, targets = told_turns(code, at)
    targets += start
    among = np.searchsorted(at, known.view(np.int64))
    codes[among], targets[among] = codes_known, targets_known.view(np.int64)
    turns.extend(indexes + before, codes, targets)
    return places + start, behind + start


def _ways(length: Bytes) -> list[Bytes]:
    """From each byte: how far it is to the next instruction, the second, the fourth, the eighth, or else to the first of unknown length, or that begins beyond."""
    size = len(length)
    places, ways = np.arange(size), []
    way = np.zeros(size + _FARTHEST, dtype=np.uint8)
    way[:size] = length
    for _ in range(_DOUBLINGS):
        ways.append(way)
        way = way.copy()
        way[:size] += way.take(places + way[:size])
    return [*ways, way]


def _followed(ways: list[Bytes], asked: _Asked) -> tuple[Numbers, int]:
    """All instructions by their distances, and that of the next."""
    way, place, size = ways[-1].tobytes(), 0, asked.size
    passed: list[int] = []
    add = passed.append
    while place < size:
        add(place)
        distance = way[place]
        place = place + distance if distance else asked.go_on(place)
    found = np.array(passed + asked.places, dtype=np.int64)
    begins = np.zeros(size + _FARTHEST, dtype=np.bool_)
    for one in reversed(ways[:-1]):
        found = np.concatenate([found, found + one.take(found)])
    begins[found] = True
    return np.nonzero(begins[:size])[0], place
