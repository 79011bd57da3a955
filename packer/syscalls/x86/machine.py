"""x86-64 under Linux (System V psABI, appendix A.2; syscall(2)). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import Mnemonic, OpKind

from whit.packer.syscalls.locations import Memory, Register
from whit.packer.syscalls.references import occurrences
from whit.packer.syscalls.x86 import comparisons, memory, uses
from whit.packer.syscalls.x86.decode import decode
from whit.packer.syscalls.x86.operands import operand, place
from whit.packer.syscalls.x86.references import x86_references
from whit.packer.syscalls.x86.tables import jump_table

if TYPE_CHECKING:
    from iced_x86 import Instruction

    from whit.packer.syscalls.bounds import Bounds
    from whit.packer.syscalls.effort import Effort
    from whit.packer.syscalls.image import Image, Part
    from whit.packer.syscalls.locations import Constant, Location, Source
    from whit.packer.syscalls.machine import Code
    from whit.packer.syscalls.pieces import Piece
    from whit.packer.syscalls.references import References
    from whit.packer.syscalls.tables import Table

_PADDING = {Mnemonic.NOP, Mnemonic.INT3, Mnemonic.UD2, Mnemonic.INVALID, Mnemonic.FNOP}
_STOPS = {Mnemonic.HLT, Mnemonic.INVALID, Mnemonic.UD2, Mnemonic.INT3}
_KERNEL = {Mnemonic.SYSCALL: "syscall", Mnemonic.SYSENTER: "sysenter"}
_COMPARES = {Mnemonic.CMP, Mnemonic.TEST}
_ENDS_POINTER = _COMPARES | {
    *(
        Mnemonic.SHL,
        Mnemonic.SHR,
        Mnemonic.SAR,
        Mnemonic.IMUL,
        Mnemonic.MUL,
        Mnemonic.DIV,
        Mnemonic.MOVZX,
        Mnemonic.MOVSX,
    )
}
_OLD_INTERRUPT = 0x80
_ENTRIES = (b"\x0f\x05", b"\xcd\x80", b"\x0f\x34")


class X86:
    """See :class:`whit.packer.syscalls.machine.Machine`."""

    name = "amd64"
    entry_kind = "syscall"
    number = Register(0)
    result = Register(0)
    stack = Register(4)
    arguments: tuple[Register, ...] = tuple(map(Register, (7, 6, 2, 1, 8, 9)))
    short_jump = 130
    return_address_bytes = 8
    kept = frozenset({3, 4, 5, 12, 13, 14, 15})
    go_arguments: tuple[Register, ...] = tuple(map(Register, (0, 3, 1, 7, 6, 8, 9, 10, 11)))
    zero_in_go: int | None = 15

    def __init__(self, effort: Effort) -> None:
        self.effort = effort

    def kernel_entries(self, image: Image, part: Part) -> list[int]:
        """As the protocol says."""
        return occurrences(part, image, _ENTRIES)

    def references(self, image: Image, bounds: Bounds) -> References:
        """As the protocol says."""
        return x86_references(image, bounds)

    def decode(self, code: Code, start: int, end: int) -> Piece[Instruction]:
        """As the protocol says."""
        return decode(code, start, end)

    def before(self, raw: Instruction, location: Location) -> tuple[Source, ...] | None:
        """As the protocol says."""
        return memory.before(raw, location)

    def stops(self, raw: Instruction) -> bool:
        """As the protocol says."""
        return raw.mnemonic in _STOPS

    def pads(self, raw: Instruction) -> bool:
        """As the protocol says."""
        return raw.mnemonic in _PADDING

    def enters_kernel(self, raw: Instruction) -> str | None:
        """As the protocol says."""
        if raw.mnemonic == Mnemonic.INT:
            return "int 0x80" if raw.immediate8 == _OLD_INTERRUPT else None
        return _KERNEL.get(raw.mnemonic)

    def equal_on(self, raw: Instruction, *, taken: bool) -> bool:
        """As the protocol says."""
        return comparisons.equal_on(raw, taken=taken)

    def compared(self, raw: Instruction, location: Location) -> Constant | Location | None:
        """As the protocol says."""
        return comparisons.compared(raw, location)

    def jump_table(self, piece: Piece[Instruction], index: int) -> Table | tuple[()] | None:
        """As the protocol says."""
        return jump_table(piece, index, self.effort)

    def names(self, raw: Instruction, address: int) -> bool:
        """As the protocol says."""
        if raw.is_ip_rel_memory_operand:
            return bool(raw.ip_rel_memory_address == address)
        for index in range(raw.op_count):
            kind = raw.op_kind(index)
            if kind == OpKind.MEMORY and raw.memory_displacement == address:
                return True
            if OpKind.IMMEDIATE8 <= kind <= OpKind.IMMEDIATE32TO64 and raw.immediate(index) == address:
                return True
        return False

    def calls_through(self, raw: Instruction) -> Source:
        """As the protocol says."""
        return operand(raw, 0)

    def written(self, raw: Instruction, address: int) -> tuple[Source, ...] | None:
        """As the protocol says."""
        return memory.stored(raw, Memory(None, address))

    def takes_address(self, raw: Instruction, address: int) -> bool:
        """As the protocol says."""
        if raw.mnemonic == Mnemonic.LEA:
            return place(raw) == Memory(None, address)
        return any(
            OpKind.IMMEDIATE8 <= raw.op_kind(index) <= OpKind.IMMEDIATE32TO64 and raw.immediate(index) == address
            for index in range(raw.op_count)
        )

    def stored_through(self, raw: Instruction) -> Memory | None:
        """As the protocol says."""
        return memory.stored_through(raw)

    def overlap(self, raw: Instruction, distance: int) -> tuple[Source, ...] | None:
        """As the protocol says."""
        return memory.overlap(raw, distance)

    def reads(self, raw: Instruction, register: Register) -> bool:
        """As the protocol says."""
        return uses.reads(raw, register)

    def copies(self, raw: Instruction, register: Register) -> Location | None:
        """As the protocol says."""
        return uses.copies(raw, register)

    def loads(self, raw: Instruction, address: int) -> Register | None:
        """As the protocol says."""
        return uses.loads(raw, address)

    def only_compares(self, raw: Instruction) -> bool:
        """As the protocol says."""
        return raw.mnemonic in _COMPARES

    def target(self, raw: Instruction) -> Register | None:
        """As the protocol says."""
        return uses.target(raw)

    def dereferences(self, raw: Instruction, register: Register) -> bool:
        """As the protocol says."""
        return uses.dereferences(raw, register)

    def puts(self, raw: Instruction, register: Register) -> bool:
        """As the protocol says."""
        return uses.copies(raw, register) is not None

    def halts(self, raw: Instruction) -> bool:
        """As the protocol says."""
        return raw.mnemonic == Mnemonic.HLT

    def ends_pointer(self, raw: Instruction) -> bool:
        """As the protocol says."""
        return raw.mnemonic in _ENDS_POINTER

    def narrows(self, raw: Instruction, register: Register) -> bool:
        """As the protocol says."""
        return uses.narrows(raw, register)
