"""Who jumps, calls and points where: found in the bytes of the code and the data, without disassembly. Pure.

What is found in code may be chance: whoever asks makes sure that an instruction stands there.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Protocol

import numpy as np

from whit.packer.support.light import dataclass
from whit.packer.support.search import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from whit.packer.syscalls.bounds import Bounds
    from whit.packer.syscalls.image import Image, Part

    Numbers = NDArray[np.int64]

CHUNK = 1 << 18
"""Bytes that are looked at at once: what is made of them for a moment is some twenty times as large."""

_OVERLAP = 16
_WIDEST = 64
"""Bytes of the widest store, and of what is taken to be one variable."""

_IMMEDIATES = frozenset({0, 1, 2, 4})
"""Bytes of an immediate number between a displacement and the end of its instruction."""

_HALF = 32
"""Bits of one of the two addresses in a pair: an image is smaller than what they tell."""


@dataclass(frozen=True, slots=True)
class Index:
    """Pairs of an address that is referred to and the one that refers to it, sorted.

    A pair is one number, the first address in the upper half: both count from ``base``, and a large program has millions.
    """

    base: int
    pairs: array[int]

    def at(self, target: int) -> list[int]:
        """Who refers to an address."""
        return [site for _, site in self.within(target, target + 1)]

    def within(self, start: int, end: int) -> list[tuple[int, int]]:
        """(target, site) of all that refer to an address from ``start`` to below ``end``."""
        first, last = (bisect_left(self.pairs, max(edge - self.base, 0) << _HALF) for edge in (start, end))
        low = (1 << _HALF) - 1
        return [((pair >> _HALF) + self.base, (pair & low) + self.base) for pair in self.pairs[first:last]]


class Pairs:
    """An index that is being made of an image's references."""

    __slots__ = ("_packed", "image")

    def __init__(self, image: Image) -> None:
        self.image, self._packed = image, array("Q")

    def add(self, targets: Numbers, sites: Numbers, *, code_only: bool) -> None:
        """Those whose target is in the image, or in its code."""
        ranges = [(part.start, part.end) for part in self.image.code] if code_only else self.image.memory
        known = np.zeros(len(targets), dtype=bool)
        for start, end in ranges:
            known |= (targets >= start) & (targets < end)
        inside, base = np.nonzero(known)[0], self.image.base
        packed = targets[inside] - base << _HALF | sites[inside] - base
        self._packed.frombytes(packed.tobytes())

    def index(self) -> Index:
        """All of them. There is nothing to be added afterwards."""
        if self._packed:
            np.frombuffer(self._packed, dtype=np.uint64).sort()
        return Index(self.image.base, self._packed)


class Named(Protocol):
    """Pairs of an address that is referred to and the one that refers to it, kept or sought."""

    def at(self, target: int) -> list[int]:
        """Who refers to an address."""
        ...

    def within(self, start: int, end: int) -> list[tuple[int, int]]:
        """(target, site) of all that refer to an address from ``start`` to below ``end``, sorted."""
        ...


@dataclass(frozen=True, slots=True)
class References:
    """``branches``: from calls and from jumps to other pieces of code (the site is the opcode's last byte). ``relative``: from operands relative to the next instruction
    (the site is the displacement's first byte; the immediate after it isn't counted in). ``absolute``: numbers in code.
    ``pointers``: words in data, relocated or not; the site is the word's address.
    """

    branches: Index
    relative: Named
    absolute: Index
    pointers: Index

    def operands(self, target: int) -> list[int]:
        """Places in code where an operand may name the address: each the first byte of a displacement or an immediate."""
        counted = self.relative.within(target - max(_IMMEDIATES), target + 1)
        return [site for named, site in counted if target - named in _IMMEDIATES] + self.absolute.at(target)

    def near(self, target: int) -> list[int]:
        """Places in code where an operand may name the address, or one so little below it that a wide store reaches it."""
        return [site for _, site in self.named(target - _WIDEST, target + 1)]

    def named(self, start: int, end: int) -> list[tuple[int, int]]:
        """(address, place in code) of the operands that may name an address from ``start`` to below ``end``: it may be up to four bytes further on."""
        return self.relative.within(start, end) + self.absolute.within(start, end)


def leaving(bounds: Bounds, targets: Numbers, sites: Numbers) -> NDArray[np.bool_]:
    """Which of these jumps, sorted by their sites, lead out of their piece of code: those within it are found with its instructions."""
    starts = np.frombuffer(bounds.starts, dtype=np.int64)
    if not len(sites):
        return np.empty(0, dtype=bool)
    first, last = np.searchsorted(starts, (sites[0], sites[-1]), side="right")
    near = starts[max(first - 1, 0) : last + 1]
    if len(near) < 2:  # noqa: PLR2004 - no piece has both a beginning and an end there
        return np.ones(len(targets), dtype=bool)
    counts = np.diff(np.searchsorted(sites, near[1:-1]), prepend=0, append=len(sites))
    inside: NDArray[np.bool_] = (targets >= np.repeat(near[:-1], counts)) & (targets < np.repeat(near[1:], counts))
    return ~inside


def chunks(image: Image) -> Iterator[tuple[int, NDArray[np.uint8], int]]:
    """(address, bytes, how many of them are this chunk's own) over the whole code; chunks overlap."""
    for part in image.code:
        size = part.end - part.start
        sweep = Sweep(image.elf.data, part.offset)
        for at in range(0, size, CHUNK):
            sweep.passed(part.offset + at)
            end = min(at + CHUNK + _OVERLAP, size)
            yield part.start + at, image.array(part.offset + at, part.offset + end), min(CHUNK, size - at)


def numbers_at(code: NDArray[np.uint8], places: Numbers) -> Numbers:
    """The signed 32-bit numbers that stand at ``places``."""
    numbers = np.ndarray(max(len(code) - 3, 0), dtype="<i4", buffer=code, strides=(1,))
    return numbers[places].astype(np.int64)


def pointers(image: Image) -> Index:
    """Words in data that are addresses in the image."""
    pairs = Pairs(image)
    relocations = image.relocations
    values, places = (np.frombuffer(one, dtype=np.int64) for one in (relocations.values, relocations.places))
    pairs.add(values, places, code_only=False)
    for segment in () if image.movable else image.elf.loads:
        size = max(min(segment.size, len(image.elf.data) - segment.offset), 0) // 8 * 8
        sweep = Sweep(image.elf.data, segment.offset)
        for at in range(0, size, CHUNK):
            sweep.passed(segment.offset + at)
            start, end = segment.offset + at, segment.offset + min(at + CHUNK, size)
            words = np.frombuffer(image.elf.data[start:end], dtype="<u8")
            near = np.nonzero(words - np.uint64(image.base) < image.end - image.base)[0]
            pairs.add(words[near].astype(np.int64), near * 8 + (segment.address + at), code_only=False)
    return pairs.index()


def occurrences(part: Part, image: Image, patterns: tuple[bytes, ...]) -> list[int]:
    """Addresses in a part of the code where some of these bytes stand, sorted."""
    found: list[int] = []
    end, more = part.offset + part.end - part.start, max(map(len, patterns)) - 1
    sweep = Sweep(image.elf.data, part.offset)
    for chunk in range(part.offset, end, CHUNK):
        sweep.passed(chunk)
        code = image.array(chunk, min(chunk + CHUNK + more, end))
        for pattern in patterns:
            count = min(max(len(code) - len(pattern) + 1, 0), CHUNK)
            stands = np.ones(count, dtype=bool)
            for at, byte in enumerate(pattern):
                stands &= code[at : at + count] == byte
            found.extend((np.nonzero(stands)[0] + (part.start + chunk - part.offset)).tolist())
    return sorted(found)
