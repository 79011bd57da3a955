"""Where a value comes from that an x86-64 instruction puts together in a vector register of other ones' parts. Pure.

Intel SDM, volume 2. Only the lowest 16 bytes are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import Mnemonic

from whit.packer.syscalls.locations import From, Memory, Register, Vector
from whit.packer.syscalls.x86.operands import FULL, IMMEDIATES, MEMORY, REGISTER, VECTOR, place

if TYPE_CHECKING:
    from iced_x86 import Instruction

    from whit.packer.syscalls.locations import Location

_LOW_TURNS_OF_4 = {Mnemonic.PUNPCKLDQ, Mnemonic.VPUNPCKLDQ, Mnemonic.UNPCKLPS, Mnemonic.VUNPCKLPS}
_LOW_TURNS_OF_8 = {
    *(Mnemonic.PUNPCKLQDQ, Mnemonic.VPUNPCKLQDQ, Mnemonic.UNPCKLPD, Mnemonic.VUNPCKLPD),
    *(Mnemonic.MOVLHPS, Mnemonic.VMOVLHPS, Mnemonic.MOVHPS, Mnemonic.VMOVHPS, Mnemonic.MOVHPD, Mnemonic.VMOVHPD),
}
_SHUFFLES = {Mnemonic.PSHUFD, Mnemonic.VPSHUFD}
_INSERTS = {Mnemonic.PINSRD: 4, Mnemonic.VPINSRD: 4, Mnemonic.PINSRQ: 8, Mnemonic.VPINSRQ: 8}

HALVES = _LOW_TURNS_OF_4 | _SHUFFLES | {Mnemonic.PINSRD, Mnemonic.VPINSRD}
"""Those that move parts of 4 bytes: what follows in a pointer's other half isn't told."""

_KNOWN = 16


def put_together(raw: Instruction, location: Vector) -> From | None:
    """What the four bytes of ``location`` are, in terms of before the instruction; None if it isn't known."""
    mnemonic, offset = raw.mnemonic, location.offset
    if not 0 <= offset <= _KNOWN - 4 or offset % 4:
        return None
    if mnemonic in _LOW_TURNS_OF_4:
        number, second = divmod(offset // 4, 2)
        return _part(raw, -1 if second else -2, number * 4)
    if mnemonic in _LOW_TURNS_OF_8:
        second, inside = divmod(offset, 8)
        return _part(raw, -1 if second else -2, inside)
    if mnemonic in _SHUFFLES and raw.op_kind(2) in IMMEDIATES:
        return _part(raw, 1, (raw.immediate(2) >> offset // 4 * 2 & 3) * 4)
    return _inserted(raw, offset) if mnemonic in _INSERTS else None


def _inserted(raw: Instruction, offset: int) -> From | None:
    """PINSRD, PINSRQ: what they don't put there is the first operand's, or of the form with three the second's."""
    size = _INSERTS[raw.mnemonic]
    if raw.op_kind(raw.op_count - 1) not in IMMEDIATES:
        return None
    inside = offset - (raw.immediate(raw.op_count - 1) & _KNOWN // size - 1) * size
    if not 0 <= inside < size:
        return From(Vector(VECTOR[raw.op_register(raw.op_count - 3)], offset))
    return _part(raw, -2, inside)


def _part(raw: Instruction, operand: int, offset: int) -> From | None:
    """The four bytes at ``offset`` of an operand, the last one being -1."""
    index = operand if operand >= 0 else raw.op_count + operand
    found: Location | None = None
    if raw.op_kind(index) == MEMORY:
        held = place(raw)
        found = Memory(held.base, held.offset + offset) if isinstance(held, Memory) else None
    elif raw.op_kind(index) == REGISTER and VECTOR[raw.op_register(index)] >= 0:
        found = Vector(VECTOR[raw.op_register(index)], offset)
    elif raw.op_kind(index) == REGISTER and FULL[raw.op_register(index)] >= 0 and not offset:
        found = Register(FULL[raw.op_register(index)])
    return None if found is None else From(found)
