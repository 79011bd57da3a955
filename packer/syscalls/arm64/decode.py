"""AArch64 instructions of a piece of code. Pure (Arm ARM, C4.1.94)."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from whit.packer.syscalls.arm64.branches import turned
from whit.packer.syscalls.arm64.effects import SIZE
from whit.packer.syscalls.arm64.fields import is_of
from whit.packer.syscalls.arm64.pages import Pages
from whit.packer.syscalls.pieces import Piece, Turns

if TYPE_CHECKING:
    from whit.packer.syscalls.effort import Effort

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


def decode(code: bytes, address: int, effort: Effort) -> Piece[Instruction]:
    """All instructions; what is left over at the end is none."""
    words = np.frombuffer(code[: len(code) // SIZE * SIZE], dtype="<u4")
    kept = array("I", words.tobytes())
    turns = Turns()
    turns.extend(*turned(words, address))
    decoded = Decoded(address, kept, Pages(address, kept, turns, effort))
    return Piece(address, address + len(code), range(address, address + len(kept) * SIZE, SIZE), decoded, turns)


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
