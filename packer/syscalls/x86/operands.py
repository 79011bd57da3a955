"""The operands of x86-64 instructions as places and sources. Pure.

Registers are told by their machine numbers, RAX 0 to R15 15 (Intel SDM, volume 2, 3.1.1.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import InstructionInfoFactory, MemorySizeExt, Mnemonic, OpAccess, OpKind, RegisterExt
from iced_x86 import Register as Name

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
    signed,
)

if TYPE_CHECKING:
    from iced_x86 import Instruction

    from whit.packer.syscalls.locations import Source

RAX, RSP, RBP = 0, 4, 5
STACK = Register(RSP)
FRAME = Register(RBP)

WIDE = 4
"""Bytes that a call's number has: narrower stores change a part of it."""

_NAMES = sorted(value for name, value in vars(Name).items() if name.isupper())
"""iced-x86's registers, in order."""

FULL = [
    RegisterExt.full_register(register) - Name.RAX if Name.AL <= register <= Name.R15 else -1 for register in _NAMES
]
"""iced-x86's register → machine number of the 64-bit one; -1 for others."""

SIZE = [RegisterExt.size(register) if Name.AL <= register <= Name.R15 else 0 for register in _NAMES]
VECTOR = [RegisterExt.number(register) if Name.XMM0 <= register <= Name.ZMM31 else -1 for register in _NAMES]
NO_REGISTER = int(Name.NONE)
HIGH_BYTES = {Name.AH, Name.BH, Name.CH, Name.DH}
MEMORY = OpKind.MEMORY
REGISTER = OpKind.REGISTER
WRITES = {OpAccess.WRITE, OpAccess.COND_WRITE, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE}
_SEGMENTS = {Name.FS, Name.GS}
IMMEDIATES = set(range(OpKind.IMMEDIATE8, OpKind.IMMEDIATE32TO64 + 1))
info = InstructionInfoFactory()


def place(raw: Instruction) -> Memory | Unknown:
    """The memory operand of an instruction."""
    if raw.segment_prefix in _SEGMENTS:
        return Unknown("a thread's own variable")
    if raw.is_ip_rel_memory_operand:
        return Memory(None, raw.ip_rel_memory_address)
    if raw.memory_index != NO_REGISTER:
        return Unknown("an element of an array")
    if raw.memory_base == NO_REGISTER:
        return Memory(None, raw.memory_displacement)
    base = FULL[raw.memory_base]
    return Memory(Register(base), signed(raw.memory_displacement)) if base >= 0 else Unknown("an odd address")


def operand(raw: Instruction, index: int) -> Source:
    """The value of an operand, as a source."""
    kind = raw.op_kind(index)
    if kind == REGISTER:
        register = raw.op_register(index)
        if VECTOR[register] >= 0:
            return From(Vector(VECTOR[register], 0))
        if FULL[register] < 0 or register in HIGH_BYTES:
            return Unknown("a special register")
        source = Register(FULL[register])
        return From(source, narrow(SIZE[register])) if SIZE[register] < WIDE else From(source)
    if kind == MEMORY:
        found = place(raw)
        return found if isinstance(found, Unknown) else From(found)
    return Constant(raw.immediate(index) & WORD) if kind in IMMEDIATES else Unknown("an odd operand")


def narrow(size: int) -> Operation:
    """What keeps ``size`` bytes of a value."""
    return Operation(Deed.AND, (1 << 8 * size) - 1)


def same(raw: Instruction) -> bool:
    """Whether both operands are the same register."""
    return bool(raw.op1_kind == REGISTER and raw.op0_register == raw.op1_register)


def number(raw: Instruction) -> int | None:
    """The number that is the second operand."""
    return int(raw.immediate(1)) & WORD if raw.op_count > 1 and raw.op1_kind in IMMEDIATES else None


def memory_size(raw: Instruction) -> int:
    """Bytes of the memory operand."""
    return int(MemorySizeExt.size(raw.memory_size))


def stack_shift(raw: Instruction) -> int | None:
    """By how many bytes the stack pointer is moved; None if it isn't that simple."""
    mnemonic = int(raw.mnemonic)
    if mnemonic in (Mnemonic.PUSH, Mnemonic.POP, Mnemonic.PUSHFQ, Mnemonic.POPFQ):
        return int(raw.stack_pointer_increment)
    if raw.op_count == 0 or raw.op0_kind != REGISTER or FULL[raw.op0_register] != RSP:
        return None if mnemonic == Mnemonic.LEAVE else 0
    if mnemonic in (Mnemonic.CMP, Mnemonic.TEST):
        return 0
    given = number(raw)
    if given is not None and mnemonic in (Mnemonic.ADD, Mnemonic.SUB):
        return signed(given if mnemonic == Mnemonic.ADD else -given)
    if mnemonic == Mnemonic.LEA and raw.memory_index == NO_REGISTER and FULL[raw.memory_base] == RSP:
        return signed(raw.memory_displacement)
    return None
