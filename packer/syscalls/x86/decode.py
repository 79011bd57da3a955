"""x86-64 instructions of a piece of code: where they begin, what each does to the flow, and each by iced-x86 where somebody asks. Pure."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from iced_x86 import Decoder, FlowControl

from whit.packer.syscalls.marks import Marks
from whit.packer.syscalls.pieces import Piece, Turns
from whit.packer.syscalls.references import CHUNK
from whit.packer.syscalls.x86.lengths import LONGEST
from whit.packer.syscalls.x86.sweep import swept
from whit.packer.syscalls.x86.turns import turn_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iced_x86 import Instruction

    from whit.packer.syscalls.machine import Code
    from whit.packer.syscalls.pieces import Addresses
    from whit.packer.syscalls.references import Numbers

_WINDOW = 2048
"""Bytes that are read before and behind an instruction that is asked for."""


class Decoded:
    """The instructions of some code, decoded where they are asked for, in a window of its bytes that is moved there."""

    __slots__ = ("_addresses", "_code", "_decoder", "_end", "_last", "_start", "_window")

    def __init__(self, code: Code, addresses: Addresses, start: int, end: int) -> None:
        self._code, self._addresses, self._start, self._end = code, addresses, start, end
        self._window, self._decoder = range(0), Decoder(64, b"")
        self._last: tuple[int, Instruction] | None = None

    def __getitem__(self, index: int) -> Instruction:
        if self._last is None or self._last[0] != index:
            address = self._addresses[index]
            if address not in self._window:
                self._move(address)
            self._decoder.position = address - self._window.start
            self._decoder.ip = address
            self._last = index, self._decoder.decode()
        return self._last[1]

    def _move(self, address: int) -> None:
        first, last = max(address - _WINDOW, self._start), min(address + _WINDOW, self._end)
        self._decoder = Decoder(64, self._code(first, last))
        self._window = range(first, last if last == self._end else last - LONGEST)


_CHUNK = 1 << 16
"""Bytes that are read at once: what is made of them for a moment, some forty times as large, stays near the processor."""

_FEW = 1 << 11
"""Bytes of code whose instructions are asked for one by one: quicker than arrays are made."""


def decode(code: Code, start: int, end: int) -> Piece[Instruction]:
    """All instructions from ``start`` to ``end``, in one sweep; bytes that are none become stops."""
    turns = Turns()
    addresses: Addresses
    if end - start > CHUNK:
        addresses = marks = Marks(start)
        for found, size in _parts(code, start, end, turns):
            marks.add(found, size)
    elif end - start > _FEW:
        addresses = array("Q")
        for found, _ in _parts(code, start, end, turns):
            addresses.frombytes(found.tobytes())
    else:
        addresses = _one_by_one(code(start, end), start, turns)
    return Piece(start, end, addresses, Decoded(code, addresses, start, end), turns)


def _parts(code: Code, start: int, end: int, turns: Turns) -> Iterator[tuple[Numbers, int]]:
    """The addresses of instructions, and how many bytes of code they begin in. No more of it is held than is read at once."""
    address, before = start, 0
    for chunk in range(start, end, _CHUNK):
        behind = min(chunk + _CHUNK, end)
        found, address = swept(code(address, min(behind + LONGEST, end)), address, behind, turns, before)
        before += len(found)
        yield found, behind - chunk


def _one_by_one(code: bytes, start: int, turns: Turns) -> array[int]:
    addresses, sequential = array("Q"), FlowControl.NEXT
    for instruction in Decoder(64, code, ip=start):
        if instruction.flow_control != sequential and (turn := turn_of(instruction)) is not None:
            turns.add(len(addresses), *turn)
        addresses.append(instruction.ip)
    return addresses
