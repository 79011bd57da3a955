"""Where a value comes from that an x86-64 instruction leaves in memory, or in a vector register on its way there. Pure.

Intel SDM, volume 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import Mnemonic

from whit.packer.syscalls.locations import (
    WORD,
    Constant,
    Deed,
    From,
    Memory,
    Operation,
    Register,
    Unknown,
    Vector,
    with_base,
)
from whit.packer.syscalls.x86.operands import (
    FRAME,
    FULL,
    IMMEDIATES,
    MEMORY,
    REGISTER,
    SIZE,
    STACK,
    VECTOR,
    WIDE,
    memory_size,
    operand,
    place,
    stack_shift,
)
from whit.packer.syscalls.x86.registers import register_before
from whit.packer.syscalls.x86.vectors import HALVES, put_together

if TYPE_CHECKING:
    from iced_x86 import Instruction

    from whit.packer.syscalls.locations import Location, Source

    Sources = tuple[Source, ...]


def before(raw: Instruction, location: Location) -> Sources | None:
    """What ``location`` holds after the instruction, in terms of before it; None: the same as before."""
    if isinstance(location, Register):
        return register_before(raw, location)
    if isinstance(location, Vector):
        return vector_before(raw, location)
    return memory_before(raw, location)


def _base_before(raw: Instruction, base: Location) -> Sources | None:
    if base == STACK:
        if raw.mnemonic == Mnemonic.LEAVE:
            return (From(FRAME, Operation(Deed.ADD, 8)),)
        if raw.mnemonic == Mnemonic.MOV and stack_shift(raw) is None:
            return (operand(raw, 1),)
        if stack_shift(raw) is None:
            return (Unknown(f"the stack is moved at {raw.ip:#x}"),)
    if isinstance(base, Vector) and raw.mnemonic in HALVES:
        moved = vector_before(raw, base)
        return None if moved is None else (Unknown(f"a pointer is put together at {raw.ip:#x}"),)
    if base == FRAME and raw.mnemonic == Mnemonic.LEAVE:
        return (From(Memory(FRAME, 0)),)
    return before(raw, base)


def memory_before(raw: Instruction, location: Memory) -> Sources | None:
    """As :func:`before`, of a place in memory."""
    put = stored(raw, location)
    if put is not None:
        return put
    if location.base is None:
        return None
    moved = _base_before(raw, location.base)
    return None if moved is None else tuple(with_base(location, source) for source in moved)


def stored(raw: Instruction, location: Memory) -> Sources | None:
    """What the instruction itself puts there; None if it doesn't write there.

    A write through another pointer, or to an element of an array, is taken to be elsewhere.
    """
    if raw.mnemonic == Mnemonic.PUSH:
        return (operand(raw, 0),) if location == Memory(STACK, 0) else None
    if raw.op_count == 0 or raw.op0_kind != MEMORY or raw.mnemonic in READERS:
        return None
    target = place(raw)
    if isinstance(target, Unknown) or target.base != location.base:
        return None
    return overlap(raw, location.offset - target.offset)


def stored_through(raw: Instruction) -> Memory | None:
    """The place that an instruction writes to through a register other than the stack pointer; None if it doesn't."""
    if raw.op_count == 0 or raw.op0_kind != MEMORY or raw.mnemonic in READERS:
        return None
    target = place(raw)
    return target if isinstance(target, Memory) and target.base not in (None, STACK) else None


def overlap(raw: Instruction, distance: int) -> Sources | None:
    """What a write puts ``distance`` bytes behind its beginning."""
    size = memory_size(raw)
    if not -WIDE < distance < size:
        return None
    mnemonic = raw.mnemonic
    if mnemonic == Mnemonic.MOV and distance == 0 and size >= WIDE:
        return (operand(raw, 1),)
    if mnemonic == Mnemonic.MOV and raw.op1_kind in IMMEDIATES and 0 < distance <= size - WIDE:
        return (Constant((raw.immediate(1) & WORD) >> 8 * distance),)
    if mnemonic in _VECTOR_STORES and 0 <= distance <= size - WIDE and raw.op1_kind == REGISTER:
        return (From(Vector(VECTOR[raw.op1_register], distance)),)
    return (Unknown(f"a part of it is written, or computed, at {raw.ip:#x}"),)


READERS = {Mnemonic.CMP, Mnemonic.TEST, Mnemonic.JMP, Mnemonic.CALL, Mnemonic.NOP, Mnemonic.BT, Mnemonic.PREFETCHT0}
_VECTOR_MOVES = {
    getattr(Mnemonic, name)
    for stem in ("MOVUPS", "MOVAPS", "MOVDQU", "MOVDQA", "MOVUPD", "MOVAPD", "MOVQ", "MOVD", "MOVSD", "MOVSS", "MOVLPS")
    for name in (stem, f"V{stem}")
}
_VECTOR_STORES = _VECTOR_MOVES


def vector_before(raw: Instruction, location: Vector) -> Sources | None:
    """As :func:`before`, of a part of a vector register."""
    if not raw.op_count or raw.op0_kind != REGISTER or VECTOR[raw.op0_register] != location.number:
        return None
    mnemonic = raw.mnemonic
    if mnemonic in _ZEROING and raw.op_register(raw.op_count - 1) == raw.op_register(raw.op_count - 2):
        return (Constant(0),)
    if mnemonic in _VECTOR_MOVES and raw.op_count == 2:  # noqa: PLR2004
        return (_moved_into_vector(raw, location),)
    put = put_together(raw, location)
    return (Unknown(f"it is computed at {raw.ip:#x}"),) if put is None else None if put == From(location) else (put,)


def _moved_into_vector(raw: Instruction, location: Vector) -> Source:
    if raw.op1_kind == MEMORY:
        if location.offset >= memory_size(raw):
            return Constant(0)
        found = place(raw)
        return found if isinstance(found, Unknown) else From(Memory(found.base, found.offset + location.offset))
    register = raw.op1_register
    if VECTOR[register] >= 0:
        return From(Vector(VECTOR[register], location.offset))
    if location.offset == 0 and FULL[register] >= 0:
        return From(Register(FULL[register]))
    return Constant(0) if location.offset >= SIZE[register] else Unknown("a part of a register")


_ZEROING = {Mnemonic.XORPS, Mnemonic.PXOR, Mnemonic.VPXOR, Mnemonic.VXORPS, Mnemonic.XORPD}
