"""What an x86-64 conditional jump says of the values that were compared before it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import Mnemonic

from whit.packer.syscalls.locations import WORD, Constant, From, held_before
from whit.packer.syscalls.x86.memory import before
from whit.packer.syscalls.x86.operands import IMMEDIATES, MEMORY, WIDE, memory_size, operand, same

if TYPE_CHECKING:
    from iced_x86 import Instruction

    from whit.packer.syscalls.locations import Location

_EQUAL = {Mnemonic.JE}
_NOT_EQUAL = {Mnemonic.JNE}
_RESULT_IS_COMPARED = {
    *(Mnemonic.SUB, Mnemonic.ADD, Mnemonic.AND, Mnemonic.OR, Mnemonic.XOR, Mnemonic.INC, Mnemonic.DEC, Mnemonic.NEG)
}
_KEEPS_FLAGS = {Mnemonic.MOV, Mnemonic.LEA, Mnemonic.MOVZX, Mnemonic.MOVSXD, Mnemonic.NOP, Mnemonic.PUSH, Mnemonic.POP}


def equal_on(raw: Instruction, *, taken: bool) -> bool:
    """Whether this way out of a conditional jump is taken when what was compared is equal, and only then."""
    return raw.mnemonic in (_EQUAL if taken else _NOT_EQUAL)


def compared(raw: Instruction, location: Location) -> Constant | Location | None:
    """The number that ``location`` was compared with, or 0 for the result of a computation; a location: go on looking before it, for that; None: nothing is known."""
    narrow = bool(raw.op_count) and raw.op0_kind == MEMORY and memory_size(raw) < WIDE
    if not narrow and (number := _number(raw, location)) is not None:
        return number
    return held_before(before(raw, location), location) if raw.mnemonic in _KEEPS_FLAGS else None


def _number(raw: Instruction, location: Location) -> Constant | None:
    """What ``location`` is if an instruction's result is zero, or its comparison equal."""
    if not raw.op_count or operand(raw, 0) != From(location):
        return None
    if raw.mnemonic == Mnemonic.CMP and raw.op1_kind in IMMEDIATES:
        return Constant(raw.immediate(1) & WORD)
    return Constant(0) if raw.mnemonic in _RESULT_IS_COMPARED or (raw.mnemonic == Mnemonic.TEST and same(raw)) else None
