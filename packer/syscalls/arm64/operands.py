"""What many AArch64 instructions begin an address with, and what they put into registers, by arrays of their words. Pure (Arm ARM, C4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from whit.packer.syscalls.arm64.branches import number
from whit.packer.syscalls.arm64.fields import SP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whit.packer.syscalls.references import Numbers

    Words = NDArray[np.uint32]

_SINGLE = (
    (0x1C00_0000, 0x1000_0000),
    (0x1E00_0000, 0x0A00_0000),
    (0x1FE0_0000, 0x1A80_0000),
    (0x1F00_0000, 0x1B00_0000),
)
"""Arithmetic with an immediate number, and addresses; logic and sums of registers; choices; products."""

_LOADS = ((0x3F00_0000, 0x3900_0000), (0x3F20_0000, 0x3800_0000), (0x3F20_0C00, 0x3820_0800))
"""LDR of a general register and its like: with an offset, with a small one, with a register; also the stores, of which bits 22 and 23 are 0."""


def field(words: Words, at: int, count: int) -> Words:
    """``count`` bits from bit ``at`` on."""
    return words >> np.uint32(at) & np.uint32((1 << count) - 1)


def overwrites(words: Words, registers: Words) -> NDArray[np.bool_]:
    """Which instructions are sure to put something else into a general register: each is asked of one."""
    single = np.zeros(len(words), dtype=bool)
    for mask, value in _SINGLE:
        single |= words & np.uint32(mask) == value
    for mask, value in _LOADS:
        single |= (
            (words & np.uint32(mask) == value)
            & (words & np.uint32(0x00C0_0000) != 0)
            & (words & np.uint32(0xC0C0_0000) != 0xC080_0000)
        )
    pair = words & np.uint32(0x3E40_0000) == 0x2840_0000
    single |= pair
    single &= field(words, 0, 5) == registers
    single |= pair & (field(words, 10, 5) == registers)
    return single


def begun(words: Words) -> tuple[Numbers, Numbers]:
    """The numbers of the instructions that add a number to a register, ADD, and loads and stores; and what they add."""
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


def far(words: Words) -> Numbers:
    """The numbers of those that may add less than zero, or as much as a page or more, to a register that isn't the stack pointer."""
    adds = np.nonzero(words & np.uint32(0xFFC0_0000) == 0x9140_0000)[0]
    moves = np.nonzero(words & np.uint32(0x0A00_0000) == 0x0800_0000)[0]
    group = words[moves]
    found = (group & np.uint32(0x3B00_0000) == 0x3900_0000) & (group & np.uint32(0x003C_0000) != 0)
    found |= group & np.uint32(0x3BA0_0000) == 0x2920_0000
    found |= group & np.uint32(0x3B30_0C00) == 0x3810_0000
    numbers = np.concatenate([adds, moves[np.nonzero(found)[0]]])
    return numbers[np.nonzero(field(words[numbers], 5, 5) != SP)[0]]


def _unsigned(words: Words, at: int, count: int) -> Numbers:
    return field(words, at, count).astype(np.int64)
