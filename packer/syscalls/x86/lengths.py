"""How long the instructions of x86-64 code are, for each byte as if one began there: whole arrays at once. Pure (Intel SDM, volume 2, chapter 2).

Only what compilers use is told, and sure; a length of 0 says that it isn't.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from whit.packer.syscalls.x86.forms import ASK, BASED, LENGTH, PREFIX, TURNS, WORD, Opcodes, tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]

LONGEST = 15
"""Bytes of an instruction."""

ESCAPE = 0x0F
"""What stands before a second byte of an opcode."""

REX, UPPER, _WIDE = 0x40, 0xF0, 0x08

_TO_REGISTER, _REGISTER = 0xB8, 0x07
"""MOV of a number to a register, which is in the lower bits."""

_MOST_PREFIXES = 4
_PAIRS = 1 << 16

_tables = cache(tables)


class Lengths(NamedTuple):
    """``length`` of the instruction at each byte, 0 if it isn't told; ``turns``: 255 if it turns the flow, else 0."""

    length: Bytes
    turns: Bytes


def lengths(code: bytes, size: int) -> Lengths:
    """Those of the first ``size`` bytes."""
    padded = code + bytes(2 * LONGEST)
    byte = np.frombuffer(padded, dtype=np.uint8)
    told = _told(padded, size + 2)
    length, turns = _whole(told, byte[2 : len(told) + 2]), _mask(told & PREFIX == TURNS)
    _behind_escape(length, turns, byte, np.nonzero(byte[: len(told)] == ESCAPE)[0])
    rex = _mask(byte[:size] & UPPER == REX)
    moves = (byte[:size] & _WIDE != 0) & (byte[1 : size + 1] & ~np.uint8(_REGISTER) == _TO_REGISTER)
    length = _either(rex, length[1 : size + 1] + np.uint8(1) + (moves.view(np.uint8) << 2), length[:size])
    turns = _either(rex, turns[1 : size + 1], turns[:size])
    prefix = told[:size] & PREFIX == PREFIX
    _behind_prefixes(length, turns, byte, np.nonzero(prefix)[0])
    length &= _mask(length <= LONGEST)
    _behind_idle(length, turns, rex, _mask(prefix))
    length[max(len(code) - LONGEST + 1, 0) :] = 0
    return Lengths(length, turns)


def _told(code: bytes, size: int) -> Bytes:
    """What the table says of each byte with the one behind it, or of one more."""
    table, half = _tables()[:_PAIRS], (size + 1) // 2
    told = np.empty(2 * half, dtype=np.uint8)
    for first in (0, 1):
        told[first::2] = table.take(np.frombuffer(code, dtype="<u2", count=half, offset=first))
    return told


def _whole(told: Bytes, behind: Bytes) -> Bytes:
    """Bytes from the opcode on, where ``behind`` is the one after ModR/M; ``ASK`` and more where it isn't told."""
    based = _mask(behind & 7 == 5)  # SIB's base is none
    return (told & np.uint8(LENGTH | ASK)) + ((told & based & np.uint8(BASED)) >> 3)


def _mask(which: NDArray[np.bool_]) -> Bytes:
    """All bits of those that are."""
    mask: Bytes = -which.view(np.uint8)
    return mask


def _either(mask: Bytes, chosen: Bytes, other: Bytes) -> Bytes:
    return other ^ ((other ^ chosen) & mask)


def _behind_escape(length: Bytes, turns: Bytes, byte: Bytes, at: NDArray[np.intp]) -> None:
    """Put in what is told of the instructions that begin with 0F."""
    told = _tables().take(_pairs(byte, at + 1) + _PAIRS * Opcodes.TWO)
    length[at] = _whole(told, byte.take(at + 3)) + np.uint8(1)
    turns[at] = _mask(told & PREFIX == TURNS)


def _pairs(byte: Bytes, at: NDArray[np.intp]) -> NDArray[np.intp]:
    return byte.take(at) + (byte.take(at + 1).astype(np.intp) << 8)


_SEEN = np.zeros(256, dtype=np.uint8)
"""What a prefix means for what is behind it: a bit each."""
_SIXTY_SIX, _LOCK = 1, 8
_SEEN[[0x66, 0xF3, 0xF2, 0xF0]] = _SIXTY_SIX, 2, 4, _LOCK

_BEHIND = np.full((2, 16), Opcodes.UNUSUAL, dtype=np.intp)
"""The opcodes of one byte, and those behind 0F, by the prefixes that were seen."""
_BEHIND[0, :_LOCK], _BEHIND[0, [_LOCK, _LOCK | _SIXTY_SIX]] = Opcodes.ONE, Opcodes.LOCKED_ONE
_BEHIND[1, [0, 1, 2, 4, 8]] = Opcodes.TWO, Opcodes.TWO_66, Opcodes.TWO_F3, Opcodes.TWO_F2, Opcodes.LOCKED_TWO


def _behind_prefixes(length: Bytes, turns: Bytes, byte: Bytes, at: NDArray[np.intp]) -> None:
    """Put in what is told of the instructions that begin with a prefix other than REX."""
    prefix = _tables()[:256] & PREFIX == PREFIX
    place, seen = at + 1, _SEEN.take(byte.take(at))
    opcode = byte.take(place)
    for _ in range(_MOST_PREFIXES - 1):
        more = np.nonzero(prefix.take(opcode))[0]
        seen[more] |= _SEEN.take(opcode[more])
        place[more] += 1
        opcode[more] = byte.take(place[more])
    rex = opcode & UPPER == REX
    wide = rex & (opcode & _WIDE != 0)
    place += rex
    opcode = byte.take(place)
    escaped = opcode == ESCAPE
    place += escaped
    told = _tables().take(_pairs(byte, place) + _PAIRS * _BEHIND[escaped.view(np.uint8), seen])
    short = (seen & _SIXTY_SIX != 0) & ~wide & (told >= WORD)
    none = (told & PREFIX == TURNS) & (seen >= _LOCK)
    unusual = (told & TURNS != 0) & ~none | wide & (opcode & ~np.uint8(_REGISTER) == _TO_REGISTER)
    whole = _whole(told, byte.take(place + 2)) - (short.view(np.uint8) << 1) | _mask(unusual) & ASK
    length[at] = whole + (place - at).astype(np.uint8)
    turns[at] = _mask(none)


def _behind_idle(length: Bytes, turns: Bytes, rex: Bytes, prefix: Bytes) -> None:
    """Put in what is told of the instructions that begin with a REX that means nothing, as another prefix follows."""
    at = np.nonzero(rex[:-1] & (prefix[1:] | rex[1:] & ~turns[1:]) != 0)[0]
    behind = length.take(at + 1)
    length[at] = (behind + np.uint8(1)) & _mask((behind > 0) & (behind < LONGEST))
    turns[at] = turns.take(at + 1)
