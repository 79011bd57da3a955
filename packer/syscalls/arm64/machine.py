"""AArch64 under Linux (AAPCS64, 6.1; Go's internal ABI, arm64; syscall(2)). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.syscalls.arm64 import decode as decoding
from whit.packer.syscalls.arm64 import memory, uses
from whit.packer.syscalls.arm64.fields import SP, bits
from whit.packer.syscalls.arm64.meanings import meaning_of
from whit.packer.syscalls.arm64.references import arm_references, kernel_entries
from whit.packer.syscalls.arm64.tables import jump_table
from whit.packer.syscalls.locations import From, Memory, Register

if TYPE_CHECKING:
    from whit.packer.syscalls.arm64.decode import Instruction
    from whit.packer.syscalls.bounds import Bounds
    from whit.packer.syscalls.effort import Effort
    from whit.packer.syscalls.image import Image, Part
    from whit.packer.syscalls.locations import Constant, Location, Source
    from whit.packer.syscalls.machine import Code
    from whit.packer.syscalls.pieces import Piece
    from whit.packer.syscalls.references import References
    from whit.packer.syscalls.tables import Table

_EQUAL, _NOT_EQUAL = 0x5400_0000, 0x5400_0001
_CONDITION = 0xFF00_000F
"""B.cond, and its condition."""


class Arm64:
    """See :class:`whit.packer.syscalls.machine.Machine`."""

    name = "arm64"
    entry_kind = "svc"
    number = Register(8)
    result = Register(0)
    stack = Register(SP)
    arguments: tuple[Register, ...] = tuple(map(Register, range(8)))
    short_jump = 0
    return_address_bytes = 0
    kept = frozenset(range(19, 30))
    go_arguments: tuple[Register, ...] = tuple(map(Register, range(16)))
    zero_in_go: int | None = None

    def __init__(self, effort: Effort) -> None:
        self.effort = effort

    def kernel_entries(self, image: Image, part: Part) -> list[int]:
        """As the protocol says."""
        return kernel_entries(image, part)

    def references(self, image: Image, bounds: Bounds) -> References:
        """As the protocol says."""
        return arm_references(image, bounds, self.effort)

    def decode(self, code: Code, start: int, end: int) -> Piece[Instruction]:
        """As the protocol says."""
        return decoding.decode(code(start, end), start, self.effort)

    def before(self, raw: Instruction, location: Location) -> tuple[Source, ...] | None:
        """As the protocol says."""
        return memory.before(raw, location)

    def stops(self, raw: Instruction) -> bool:
        """As the protocol says."""
        return decoding.stops(raw.word)

    def pads(self, raw: Instruction) -> bool:
        """As the protocol says."""
        return decoding.pads(raw.word)

    def enters_kernel(self, raw: Instruction) -> str | None:
        """As the protocol says."""
        return self.entry_kind if decoding.enters_kernel(raw.word) else None

    def equal_on(self, raw: Instruction, *, taken: bool) -> bool:
        """As the protocol says; CBZ, which compares by itself, isn't made use of."""
        return raw.word & _CONDITION == (_EQUAL if taken else _NOT_EQUAL)

    def compared(self, raw: Instruction, location: Location) -> Constant | Location | None:
        """As the protocol says."""
        return uses.compared(raw, location)

    def jump_table(self, piece: Piece[Instruction], index: int) -> Table | tuple[()] | None:
        """As the protocol says."""
        return jump_table(piece, index, self.effort)

    def names(self, raw: Instruction, address: int) -> bool:
        """As the protocol says."""
        return uses.names(raw, address)

    def calls_through(self, raw: Instruction) -> Source:
        """As the protocol says."""
        return From(Register(bits(raw.word, 5, 5)))

    def written(self, raw: Instruction, address: int) -> tuple[Source, ...] | None:
        """As the protocol says."""
        return memory.written(raw, address)

    def takes_address(self, raw: Instruction, address: int) -> bool:
        """As the protocol says."""
        return uses.takes_address(raw, address)

    def stored_through(self, raw: Instruction) -> Memory | None:
        """As the protocol says."""
        return memory.stored_through(raw)

    def overlap(self, raw: Instruction, distance: int) -> tuple[Source, ...] | None:
        """As the protocol says."""
        return memory.overlap(raw, distance)

    def reads(self, raw: Instruction, register: Register) -> bool:
        """As the protocol says."""
        return register.number in meaning_of(raw.word).reads

    def copies(self, raw: Instruction, register: Register) -> Location | None:
        """As the protocol says."""
        return uses.copies(raw, register)

    def loads(self, raw: Instruction, address: int) -> Register | None:
        """As the protocol says."""
        return uses.loads(raw, address)

    def only_compares(self, raw: Instruction) -> bool:
        """As the protocol says."""
        return meaning_of(raw.word).only_compares

    def target(self, raw: Instruction) -> Register | None:
        """As the protocol says."""
        return uses.target(raw)

    def dereferences(self, raw: Instruction, register: Register) -> bool:
        """As the protocol says."""
        return uses.dereferences(raw, register)

    def puts(self, raw: Instruction, register: Register) -> bool:
        """As the protocol says."""
        return uses.puts(raw, register)

    def halts(self, raw: Instruction) -> bool:
        """As the protocol says."""
        return decoding.halts(raw.word)

    def ends_pointer(self, raw: Instruction) -> bool:
        """As the protocol says."""
        return meaning_of(raw.word).ends_pointer

    def narrows(self, raw: Instruction, register: Register) -> bool:
        """As the protocol says."""
        return uses.narrows(raw, register)
