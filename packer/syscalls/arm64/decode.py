"""AArch64 instructions of a piece of code, and what each does to the flow. Pure (Arm ARM, C4.1.94)."""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np

from whit.packer.syscalls.arm64.fields import bits, is_of, signed_bits
from whit.packer.syscalls.arm64.pages import Pages
from whit.packer.syscalls.locations import WORD
from whit.packer.syscalls.pieces import Flow, Piece, Turn, Turns

SIZE = 4
_GO_UNDEFINED = 0xBEA7_1700
"""What Go's assembler writes where nothing is to be executed."""


class Instruction(NamedTuple):
    """One instruction, and the piece's pages, which its operand may name an address with."""

    address: int
    word: int
    pages: Pages

    @property
    def named(self) -> tuple[int, ...]:
        """The addresses that its operand may be, or be at."""
        return self.pages.named(self.address)


class Decoded:
    """The instructions of some code, made where they are asked for."""

    __slots__ = ("_address", "_pages", "_words")

    def __init__(self, address: int, words: array[int], pages: Pages) -> None:
        self._address, self._words, self._pages = address, words, pages

    def __getitem__(self, index: int) -> Instruction:
        return Instruction(self._address + index * SIZE, self._words[index], self._pages)


def decode(code: bytes, address: int) -> Piece[Instruction]:
    """All instructions; what is left over at the end is none."""
    words = np.frombuffer(code[: len(code) // SIZE * SIZE], dtype="<u4")
    turns = Turns()
    for index in np.nonzero(words & np.uint32(0x1C00_0000) == 0x1400_0000)[0].tolist():
        turn = turn_of(int(words[index]), address + index * SIZE)
        if turn is not None:
            turns.add(index, turn)
    kept = array("I", words.tobytes())
    decoded = Decoded(address, kept, Pages(address, kept, turns))
    return Piece(address, address + len(code), range(address, address + len(kept) * SIZE, SIZE), decoded, turns)


def turn_of(word: int, address: int) -> Turn | None:
    """What an instruction of the branches' group does to the flow; None for one that just goes on, or stops."""
    if is_of(word, 0x7C00_0000, 0x1400_0000):
        flow = Flow.CALL if bits(word, 31, 1) else Flow.JUMP
        return Turn(flow, address + SIZE * signed_bits(word, 0, 26) & WORD)
    if is_of(word, 0xFF00_0000, 0x5400_0000) or is_of(word, 0x7E00_0000, 0x3400_0000):
        return Turn(Flow.BRANCH, address + SIZE * signed_bits(word, 5, 19) & WORD)
    if is_of(word, 0x7E00_0000, 0x3600_0000):
        return Turn(Flow.BRANCH, address + SIZE * signed_bits(word, 5, 14) & WORD)
    if enters_kernel(word):
        return Turn(Flow.KERNEL)
    if is_of(word, 0xFE00_0000, 0xD600_0000):
        return Turn(_BY_REGISTER.get(bits(word, 21, 3), Flow.STOP))
    return None


_BY_REGISTER = {0b000: Flow.INDIRECT_JUMP, 0b001: Flow.INDIRECT_CALL, 0b010: Flow.RETURN}
"""BR, BLR, RET and their forms with an authenticated pointer."""


def enters_kernel(word: int) -> bool:
    """SVC, with any number: the kernel doesn't read it."""
    return is_of(word, 0xFFE0_001F, 0xD400_0001)


def stops(word: int) -> bool:
    """BRK, HLT, UDF, and what Go puts where nothing is to be executed."""
    return word >> 16 == 0 or word == _GO_UNDEFINED or halts(word)


def halts(word: int) -> bool:
    """BRK, HLT."""
    return is_of(word, 0xFFE0_001F, 0xD420_0000) or is_of(word, 0xFFE0_001F, 0xD440_0000)


def pads(word: int) -> bool:
    """NOP, and whatever isn't to be executed."""
    return word == 0xD503_201F or stops(word)
