"""Who jumps, calls and points where: found in the bytes of the code and the data, without disassembly. Pure.

What is found in code may be chance: whoever asks makes sure that an instruction stands there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whit.packer.support.search import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from whit.packer.syscalls.image import Image, Part

    Numbers = NDArray[np.int64]

CHUNK = 1 << 20
"""Bytes that are looked at at once: what is made of them for a moment is some twenty times as large."""

_OVERLAP = 16
_WIDEST = 64
"""Bytes of the widest store, and of what is taken to be one variable."""

_IMMEDIATES = (0, 1, 2, 4)
"""Bytes of an immediate number between a displacement and the end of its instruction."""


@dataclass(frozen=True, slots=True)
class Index:
    """Pairs of an address that is referred to and the one that refers to it, sorted by the first."""

    targets: Numbers
    sites: Numbers

    def at(self, target: int) -> list[int]:
        """Who refers to an address."""
        first, last = np.searchsorted(self.targets, (target, target + 1))
        return [int(site) for site in self.sites[first:last]]

    def within(self, start: int, end: int) -> list[tuple[int, int]]:
        """(target, site) of all that refer to an address from ``start`` to below ``end``."""
        first, last = np.searchsorted(self.targets, (start, end))
        return list(zip(self.targets[first:last].tolist(), self.sites[first:last].tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class References:
    """``branches``: from calls and jumps (the site is the opcode's last byte). ``relative``: from operands relative to the next instruction
    (the site is the displacement's first byte; the immediate after it isn't counted in). ``absolute``: numbers in code.
    ``pointers``: words in data, relocated or not; the site is the word's address.
    """

    branches: Index
    relative: Index
    absolute: Index
    pointers: Index

    def operands(self, target: int) -> list[int]:
        """Places in code where an operand may name the address: each the first byte of a displacement or an immediate."""
        relative = [site for size in _IMMEDIATES for site in self.relative.at(target - size)]
        return relative + self.absolute.at(target)

    def near(self, target: int) -> list[int]:
        """Places in code where an operand may name the address, or one so little below it that a wide store reaches it."""
        return [
            site for index in (self.relative, self.absolute) for _, site in index.within(target - _WIDEST, target + 1)
        ]


def index_of(pairs: Iterable[tuple[Numbers, Numbers]]) -> Index:
    """The pairs of targets and sites, sorted."""
    both = list(pairs)
    empty = np.empty(0, dtype=np.int64)
    targets = np.concatenate([empty, *(targets for targets, _ in both)])
    sites = np.concatenate([empty, *(sites for _, sites in both)])
    order = np.argsort(targets, kind="stable")
    return Index(targets[order], sites[order])


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
    number = np.zeros(len(places), dtype=np.uint32)
    for byte in range(4):
        number |= code[places + byte].astype(np.uint32) << np.uint32(8 * byte)
    return number.view(np.int32).astype(np.int64)


def kept(targets: Numbers, sites: Numbers, image: Image, *, code_only: bool) -> tuple[Numbers, Numbers]:
    """Those whose target is in the image."""
    ranges: list[tuple[int, int]] = [(part.start, part.end) for part in image.code] if code_only else _memory(image)
    inside = np.zeros(len(targets), dtype=bool)
    for start, end in ranges:
        inside |= (targets >= start) & (targets < end)
    return targets[inside], sites[inside]


def _memory(image: Image) -> list[tuple[int, int]]:
    return [(segment.address, segment.address + segment.memory_size) for segment in image.elf.loads]


def pointers(image: Image) -> Iterator[tuple[Numbers, Numbers]]:
    """Words in data that are addresses in the image."""
    if image.relocations:
        values = np.fromiter(image.relocations.values(), dtype=np.int64, count=len(image.relocations))
        places = np.fromiter(image.relocations, dtype=np.int64, count=len(image.relocations))
        yield kept(values, places, image, code_only=False)
    if image.movable:
        return
    for segment in image.elf.loads:
        size = max(min(segment.size, len(image.elf.data) - segment.offset), 0) // 8 * 8
        sweep = Sweep(image.elf.data, segment.offset)
        for at in range(0, size, CHUNK):
            sweep.passed(segment.offset + at)
            start, end = segment.offset + at, segment.offset + min(at + CHUNK, size)
            words = np.frombuffer(image.elf.data[start:end], dtype="<u8").astype(np.int64)
            places = np.arange(len(words), dtype=np.int64) * 8 + (segment.address + at)
            yield kept(words, places, image, code_only=False)


def occurrences(part: Part, image: Image, pattern: bytes) -> list[int]:
    """Addresses in a part of the code where these bytes stand."""
    found, at, end = [], part.offset, part.offset + part.end - part.start
    while (at := image.elf.data.find(pattern, at, end)) >= 0:
        found.append(part.start + at - part.offset)
        at += 1
    return found
