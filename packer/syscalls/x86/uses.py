"""What an x86-64 instruction does with a pointer that a register holds. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import Mnemonic, OpAccess
from iced_x86 import Register as Name

from whit.packer.syscalls.locations import Memory, Register
from whit.packer.syscalls.x86.operands import FULL, IMMEDIATES, MEMORY, REGISTER, SIZE, info, place, same

if TYPE_CHECKING:
    from iced_x86 import Instruction

    from whit.packer.syscalls.locations import Location

_HALF = 4

READS = {OpAccess.READ, OpAccess.COND_READ, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE}


def reads(raw: Instruction, register: Register) -> bool:
    """Whether it makes use of what a register holds."""
    if raw.mnemonic in (Mnemonic.XOR, Mnemonic.SUB) and same(raw):
        return False
    used = info.info(raw).used_registers()
    return any(one.access in READS and FULL[one.register] == register.number for one in used)


def copies(raw: Instruction, register: Register) -> Location | None:
    """Where it puts what the register holds, whole; None if it doesn't just do that."""
    if raw.mnemonic != Mnemonic.MOV or raw.op1_kind != REGISTER or raw.op1_register != Name.RAX + register.number:
        return None
    if raw.op0_kind == REGISTER:
        return Register(FULL[raw.op0_register])
    target = place(raw)
    return target if isinstance(target, Memory) and _mentions(target, register) is False else None


def _mentions(target: Memory, register: Register) -> bool:
    return target.base == register


def loads(raw: Instruction, address: int) -> Register | None:
    """The register that it loads from an address that it says itself, or makes a pointer to that address in."""
    if raw.op_count == 0 or raw.op0_kind != REGISTER or raw.mnemonic not in (Mnemonic.MOV, Mnemonic.LEA):
        return None
    if raw.op1_kind in IMMEDIATES:
        return Register(FULL[raw.op0_register]) if raw.immediate(1) == address else None
    if raw.op1_kind != MEMORY or place(raw) != Memory(None, address) or FULL[raw.op0_register] < 0:
        return None
    return Register(FULL[raw.op0_register])


def target(raw: Instruction) -> Register | None:
    """The general register that is the first operand."""
    if not raw.op_count or raw.op0_kind != REGISTER or FULL[raw.op0_register] < 0:
        return None
    return Register(FULL[raw.op0_register])


def narrows(raw: Instruction, register: Register) -> bool:
    """Whether it moves but the register's lower bytes, four at most."""
    if raw.mnemonic != Mnemonic.MOV or raw.op1_kind != REGISTER or FULL[raw.op1_register] != register.number:
        return False
    if SIZE[raw.op1_register] > _HALF:
        return False
    return raw.op0_kind == REGISTER or register.number not in (FULL[raw.memory_base], FULL[raw.memory_index])


def dereferences(raw: Instruction, register: Register) -> bool:
    """Whether the register is but the base of its memory operand."""
    if raw.memory_base != Name.RAX + register.number:
        return False
    return not any(
        raw.op_kind(index) == REGISTER
        and FULL[raw.op_register(index)] == register.number
        and (index or raw.mnemonic not in _OVERWRITES)
        for index in range(raw.op_count)
    )


_OVERWRITES = {Mnemonic.MOV, Mnemonic.MOVZX, Mnemonic.MOVSX, Mnemonic.MOVSXD, Mnemonic.LEA}
