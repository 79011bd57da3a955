"""Who jumps, calls and points where in AArch64 code, by its words. Pure (Arm ARM, C4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from whit.packer.support.search import Sweep
from whit.packer.syscalls.arm64.branches import number, turned
from whit.packer.syscalls.arm64.effects import SIZE
from whit.packer.syscalls.arm64.fields import SP
from whit.packer.syscalls.pieces import Flow
from whit.packer.syscalls.references import CHUNK, Pairs, References, leaving, pointers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from whit.packer.syscalls.bounds import Bounds
    from whit.packer.syscalls.image import Image, Part
    from whit.packer.syscalls.references import Numbers

    Pair = tuple[Numbers, Numbers]
    Words = NDArray[np.uint32]

_BEHIND = 1 << 15
"""Bytes above an instruction in which the page of its address may be made."""

_PAGES = 4
"""Makings of a page in the same register that are thought of, the nearest first."""

_REGISTER = 32
"""Bits of an instruction's number where it stands together with a register's."""

_INDEX = (1 << _REGISTER) - 1


def arm_references(image: Image, bounds: Bounds) -> References:
    """Those of AArch64 code. What only seems to be one is told by the flow (:mod:`whit.packer.syscalls.arm64.pages`)."""
    branches, relative = Pairs(image), Pairs(image)
    for start, words, behind in _chunks(image):
        places = np.arange(len(words), dtype=np.int64) * SIZE + start
        first = start + behind * SIZE
        targets, sites, calls = _branches(words, start)
        mine = (sites >= first) & (calls | leaving(bounds, targets, sites))
        branches.add(targets[mine], sites[mine], code_only=True)
        named, at = _direct(words, places)
        relative.add(named[at >= first], at[at >= first], code_only=False)
        relative.add(*_by_page(words, places, targets, behind), code_only=False)
    return References(branches.index(), relative.index(), Pairs(image).index(), pointers(image))


def kernel_entries(image: Image, part: Part) -> list[int]:
    """Addresses in a part of the code where SVC stands."""
    found: list[int] = []
    for start, words, behind in _chunks_of(image, part):
        at = np.nonzero(words & np.uint32(0xFFE0_001F) == 0xD400_0001)[0]
        found.extend((at[at >= behind] * SIZE + start).tolist())
    return found


def _chunks(image: Image) -> Iterator[tuple[int, Words, int]]:
    for part in image.code:
        yield from _chunks_of(image, part)


def _chunks_of(image: Image, part: Part) -> Iterator[tuple[int, Words, int]]:
    """(address, words, how many of them were an earlier chunk's) over a part of the code."""
    size = (part.end - part.start) // SIZE * SIZE
    sweep = Sweep(image.elf.data, part.offset)
    for at in range(0, size, CHUNK):
        first = max(at - _BEHIND, 0)
        sweep.passed(part.offset + first)
        code = image.array(part.offset + first, part.offset + min(at + CHUNK, size))
        yield part.start + first, code.view("<u4"), (at - first) // SIZE


def _branches(words: Words, start: int) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
    """Those with a target: it, where they stand, and whether they are calls."""
    found = [(flow, targets, at * SIZE + start) for flow, at, targets in turned(words, start) if targets is not None]
    calls = [np.full(len(targets), flow is Flow.CALL) for flow, targets, _ in found]
    return (
        np.concatenate([one for _, one, _ in found]),
        np.concatenate([one for _, _, one in found]),
        np.concatenate(calls),
    )


def _direct(words: Words, places: Numbers) -> Pair:
    """ADR, and loads from an address near the instruction."""
    adr = np.nonzero(words & np.uint32(0x9F00_0000) == 0x1000_0000)[0]
    literal = np.nonzero(words & np.uint32(0x3B00_0000) == 0x1800_0000)[0]
    near = (number(words[adr], 5, 19) << 2 | (words[adr] >> np.uint32(29) & np.uint32(3)).astype(np.int64)) + places[
        adr
    ]
    loaded = number(words[literal], 5, 19) * SIZE + places[literal]
    return np.concatenate([near, loaded]), np.concatenate([places[adr], places[literal]])


def _by_page(words: Words, places: Numbers, targets: Numbers, behind: int) -> Pair:
    """What begins with a page's address: each, from the word ``behind`` on, with the nearest makings of one in its register, unless one in the same block is nearer.

    A register that something else was put into before, in the same block, holds no page.
    """
    adrp = np.nonzero(words & np.uint32(0x9F00_0000) == 0x9000_0000)[0]
    if not len(adrp):
        return adrp, adrp
    distance = number(words[adrp], 5, 19) << 2 | (words[adrp] >> np.uint32(29) & np.uint32(3)).astype(np.int64)
    pages = (places[adrp] & ~0xFFF) + (distance << 12)
    block = _blocks(words, targets, int(places[0]))
    makings = _keys(words[adrp] & np.uint32(31), adrp)
    order = np.argsort(makings)
    makings, adrp, pages = makings[order], adrp[order], pages[order]
    uses, rest = _uses(words)
    keys = _keys(words[uses] >> np.uint32(5) & np.uint32(31), uses)
    order = np.argsort(keys)
    order = order[: np.searchsorted(keys, SP << _REGISTER, sorter=order)]
    order = order[uses[order] >= behind]
    keys, uses, rest = keys[order], uses[order], rest[order]
    nearest = np.searchsorted(makings, keys) - 1
    near = keys - makings[nearest] <= _BEHIND // SIZE
    near &= nearest >= 0
    keys, uses, rest, nearest = keys[near], uses[near], rest[near], nearest[near]
    other = _last_before(np.sort(definitions(words)), keys)
    overwritten = (other > makings[nearest]) & (block[np.maximum(other, 0) & _INDEX] == block[uses])
    named, sites = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    mine, nearest = np.nonzero(~overwritten)[0], nearest[~overwritten]
    for _ in range(_PAGES):
        near = (nearest >= 0) & (keys[mine] - makings[nearest] <= _BEHIND // SIZE)
        mine, nearest = mine[near], nearest[near]
        named.append(pages[nearest] + rest[mine])
        sites.append(places[uses[mine]])
        further = block[adrp[nearest]] != block[uses[mine]]
        mine, nearest = mine[further], nearest[further] - 1
    return np.concatenate(named), np.concatenate(sites)


def _keys(registers: NDArray[np.uint32], indexes: Numbers) -> Numbers:
    """A register and the number of an instruction, in one number."""
    return registers.astype(np.int64) << _REGISTER | indexes


def _last_before(sorted_places: Numbers, places: Numbers) -> Numbers:
    """The nearest of ``sorted_places`` below each of ``places``; -1 where there is none."""
    with_none = np.concatenate([np.array([-1], dtype=np.int64), sorted_places])
    return with_none[np.searchsorted(sorted_places, places)]


def _blocks(words: Words, targets: Numbers, start: int) -> NDArray[np.int32]:
    """The number of each instruction's block: a new one begins behind each branch, and where one leads."""
    begins = np.zeros(len(words) + 1, dtype=bool)
    group = words & np.uint32(0x1C00_0000) == 0x1400_0000
    begins[1:] |= group
    inside = (targets >= start) & (targets < start + len(words) * SIZE)
    begins[(targets[inside] - start) // SIZE] = True
    return np.cumsum(begins[:-1], dtype=np.int32)


_SINGLE = (
    (0x1C00_0000, 0x1000_0000),
    (0x1E00_0000, 0x0A00_0000),
    (0x1FE0_0000, 0x1A80_0000),
    (0x1F00_0000, 0x1B00_0000),
)
"""Arithmetic with an immediate number; logic and sums of registers; choices; products."""

_LOADS = ((0x3F00_0000, 0x3900_0000), (0x3F20_0000, 0x3800_0000), (0x3F20_0C00, 0x3820_0800))
"""LDR of a general register and its like: with an offset, with a small one, with a register; also the stores, of which bits 22 and 23 are 0."""


def definitions(words: Words) -> Numbers:
    """Instructions that are sure to put something else than a page's address into a general register, as :func:`_keys`."""
    single = np.zeros(len(words), dtype=bool)
    for mask, value in _SINGLE:
        single |= words & np.uint32(mask) == value
    single &= words & np.uint32(0x9F00_0000) != 0x9000_0000
    for mask, value in _LOADS:
        single |= (
            (words & np.uint32(mask) == value)
            & (words & np.uint32(0x00C0_0000) != 0)
            & (words & np.uint32(0xC0C0_0000) != 0xC080_0000)
        )
    one = np.nonzero(single)[0]
    pair = np.nonzero(words & np.uint32(0x3E40_0000) == 0x2840_0000)[0]
    return np.concatenate(
        [_keys(words[at] >> np.uint32(bit) & np.uint32(31), at) for at, bit in ((one, 0), (pair, 0), (pair, 10))]
    )


def _uses(words: Words) -> tuple[Numbers, Numbers]:
    """Instructions that add a number to a register: ADD, and loads and stores; and what they add."""
    adds = np.nonzero(words & np.uint32(0xFF80_0000) == 0x9100_0000)[0]
    added = _unsigned(words[adds], 10, 12) << _unsigned(words[adds], 22, 1) * 12
    moves = np.nonzero(words & np.uint32(0x3B00_0000) == 0x3900_0000)[0]
    vector, wide = _unsigned(words[moves], 26, 1), _unsigned(words[moves], 23, 1)
    moved = _unsigned(words[moves], 10, 12) << (_unsigned(words[moves], 30, 2) | (vector & wide) << 2)
    pairs = np.nonzero(words & np.uint32(0x3B80_0000) == 0x2900_0000)[0]
    vector, size = _unsigned(words[pairs], 26, 1), _unsigned(words[pairs], 30, 2)
    paired = number(words[pairs], 15, 7) << 2 + np.where(vector == 1, size, size >> 1)
    near = np.nonzero(words & np.uint32(0x3B20_0C00) == 0x3800_0000)[0]
    plain = np.nonzero(
        (words & np.uint32(0x3F00_0000) == 0x0800_0000) | (words & np.uint32(0x3B20_0C00) == 0x3820_0000)
    )[0]
    places = np.concatenate([adds, moves, pairs, near, plain])
    rest = np.concatenate([added, moved, paired, number(words[near], 12, 9), np.zeros(len(plain), dtype=np.int64)])
    return places, rest


def _unsigned(words: Words, at: int, count: int) -> Numbers:
    return (words >> np.uint32(at) & np.uint32((1 << count) - 1)).astype(np.int64)
