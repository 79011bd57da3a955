"""Where a value comes from that an x86-64 instruction leaves in a general register. Pure.

Intel SDM, volume 2. What an instruction isn't known for by name is asked of iced-x86's own tables: if it writes the
register, the value is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import Mnemonic

from whit.packer.syscalls.locations import MASK, WORD, Constant, Deed, From, Memory, Operation, Register, Unknown
from whit.packer.syscalls.x86.operands import (
    FRAME,
    FULL,
    HIGH_BYTES,
    MEMORY,
    NO_REGISTER,
    REGISTER,
    RSP,
    SIZE,
    STACK,
    WIDE,
    WRITES,
    info,
    memory_size,
    narrow,
    number,
    operand,
    place,
    same,
    stack_shift,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from iced_x86 import Instruction

    from whit.packer.syscalls.locations import Source

    Sources = tuple[Source, ...]


def register_before(raw: Instruction, location: Register) -> Sources | None:
    """What the register holds after the instruction, in terms of before it; None: the same as before."""
    target = raw.op0_register if raw.op_count and raw.op0_kind == REGISTER else NO_REGISTER
    known = _KNOWN.get(raw.mnemonic)
    if raw.mnemonic == Mnemonic.LEAVE and location == FRAME:
        return (From(Memory(FRAME, 0)),)
    if location.number == RSP and (shift := stack_shift(raw)) is not None:
        return (From(STACK, Operation(Deed.ADD, shift & WORD)),) if shift else None
    if known is not None and FULL[target] == location.number:
        found = known(raw, location)
        if found is not None:
            return _sized(found, raw, location, SIZE[target])
    if known is None or raw.mnemonic in _SEVERAL:
        return _asked(raw, location)
    return None


def _sized(found: Sources, raw: Instruction, location: Register, size: int) -> Sources:
    """A write of one or two bytes keeps the others."""
    if size >= WIDE or raw.mnemonic in _NARROW:
        return found
    if size == 1 and isinstance(found[0], Constant) and len(found) == 1:
        deed = Deed.HIGH_BYTE if raw.op0_register in HIGH_BYTES else Deed.LOW_BYTE
        return (From(location, Operation(deed, found[0].value & 0xFF)),)
    return (Unknown(f"a part of a register is written at {raw.ip:#x}"),)


def _asked(raw: Instruction, location: Register) -> Sources | None:
    """As iced-x86's tables say."""
    for used in info.info(raw).used_registers():
        if used.access in WRITES and FULL[used.register] == location.number:
            return (Unknown(f"it is computed at {raw.ip:#x}"),)
    return None


def _mov(raw: Instruction, _: Register) -> Sources:
    return (operand(raw, 1),)


def _extended(raw: Instruction, _: Register) -> Sources:
    """MOVZX, MOVSX: of a narrow value; the sign is kept to be zero, which holds for call numbers."""
    if raw.op1_kind == MEMORY:
        found = place(raw)
        size = memory_size(raw)
        return (found if isinstance(found, Unknown) else From(found, narrow(size)),)
    return (operand(raw, 1),)


def _lea(raw: Instruction, _: Register) -> Sources:
    if raw.is_ip_rel_memory_operand:
        return (Constant(raw.ip_rel_memory_address),)
    base, index = FULL[raw.memory_base], raw.memory_index
    shift = raw.memory_displacement & WORD
    if index == NO_REGISTER:
        return (From(Register(base), Operation(Deed.ADD, shift)) if base >= 0 else Constant(shift),)
    return (Unknown(f"it is computed at {raw.ip:#x}"),)


def _xor(raw: Instruction, location: Register) -> Sources:
    return (Constant(0),) if same(raw) else _arithmetic(Deed.XOR)(raw, location)


def _sub(raw: Instruction, location: Register) -> Sources:
    if same(raw):
        return (Constant(0),)
    given = number(raw)
    return (
        (From(location, Operation(Deed.ADD, -given & WORD)),)
        if given is not None
        else (Unknown(f"it is computed at {raw.ip:#x}"),)
    )


def _arithmetic(deed: Deed) -> Callable[[Instruction, Register], Sources]:
    def sources(raw: Instruction, location: Register) -> Sources:
        given = number(raw)
        if given is None:
            if same(raw) and deed in (Deed.OR, Deed.AND):
                return (From(location),)
            return (Unknown(f"it is computed at {raw.ip:#x}"),)
        if deed is Deed.OR and given & MASK == MASK:
            return (Constant(WORD),)
        if deed is Deed.AND and given & MASK == 0:
            return (Constant(0),)
        return (From(location, Operation(deed, given)),)

    return sources


def _step(number: int) -> Callable[[Instruction, Register], Sources]:
    return lambda _, location: (From(location, Operation(Deed.ADD, number & WORD)),)


def _neg(_: Instruction, location: Register) -> Sources:
    return (From(location, Operation(Deed.NEGATE, 0)),)


def _not(_: Instruction, location: Register) -> Sources:
    return (From(location, Operation(Deed.XOR, WORD)),)


def _sbb(raw: Instruction, _: Register) -> Sources:
    return (Constant(0), Constant(WORD)) if same(raw) else (Unknown(f"it is computed at {raw.ip:#x}"),)


def _set(raw: Instruction, location: Register) -> Sources:
    if raw.op0_register in HIGH_BYTES:
        return (Unknown(f"a part of a register is written at {raw.ip:#x}"),)
    return tuple(From(location, Operation(Deed.LOW_BYTE, value)) for value in (0, 1))


def _chosen(raw: Instruction, location: Register) -> Sources:
    return (From(location), operand(raw, 1))


def _pop(_: Instruction, __: Register) -> Sources:
    return (From(Memory(STACK, 0)),)


def _exchanged(raw: Instruction, location: Register) -> Sources | None:
    if raw.op1_kind != REGISTER:
        return (operand(raw, 0 if raw.op0_kind == MEMORY else 1),)
    first, second = FULL[raw.op0_register], FULL[raw.op1_register]
    return (From(Register(second if location.number == first else first)),)


_CMOV = {getattr(Mnemonic, name) for name in dir(Mnemonic) if name.startswith("CMOV")}
_SETCC = {getattr(Mnemonic, name) for name in dir(Mnemonic) if name.startswith("SET") and name != "SETSSBSY"}
_NARROW = {Mnemonic.MOVZX, Mnemonic.MOVSX} | _SETCC
_SEVERAL = {Mnemonic.XCHG}
_NONE = (Mnemonic.CMP, Mnemonic.TEST, Mnemonic.NOP, Mnemonic.PUSH, Mnemonic.ENDBR64)

_KNOWN: dict[int, Callable[[Instruction, Register], Sources | None]] = {
    Mnemonic.MOV: _mov,
    Mnemonic.MOVZX: _extended,
    Mnemonic.MOVSX: _extended,
    Mnemonic.MOVSXD: _mov,
    Mnemonic.LEA: _lea,
    Mnemonic.XOR: _xor,
    Mnemonic.SUB: _sub,
    Mnemonic.ADD: _arithmetic(Deed.ADD),
    Mnemonic.AND: _arithmetic(Deed.AND),
    Mnemonic.OR: _arithmetic(Deed.OR),
    Mnemonic.SHL: _arithmetic(Deed.SHIFT),
    Mnemonic.INC: _step(1),
    Mnemonic.DEC: _step(-1),
    Mnemonic.NEG: _neg,
    Mnemonic.NOT: _not,
    Mnemonic.SBB: _sbb,
    Mnemonic.POP: _pop,
    Mnemonic.XCHG: _exchanged,
    **dict.fromkeys(_CMOV, _chosen),
    **dict.fromkeys(_SETCC, _set),
    **dict.fromkeys(_NONE, lambda _, __: None),
}
"""Instruction → what it leaves in the register that is its first operand."""
