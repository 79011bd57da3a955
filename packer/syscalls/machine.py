"""What the analysis asks of a machine: its instructions, and where values come from. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whit.packer.syscalls.bounds import Bounds
    from whit.packer.syscalls.effort import Effort
    from whit.packer.syscalls.image import Image, Part
    from whit.packer.syscalls.locations import Constant, Location, Memory, Register, Source
    from whit.packer.syscalls.pieces import Piece
    from whit.packer.syscalls.references import References
    from whit.packer.syscalls.tables import Table

    Code = Callable[[int, int], bytes]


class Machine(Protocol):
    """One instruction set with its calling conventions. Instructions are the machine's own objects."""

    effort: Effort
    """What may still be done for the program."""
    name: str
    """OCI's platform word."""
    entry_kind: str
    """What :meth:`enters_kernel` says of the architecture's own instruction."""
    number: Register
    """Where the kernel takes a call's number from."""
    result: Register
    """Where the kernel leaves the answer."""
    stack: Register
    short_jump: int
    """Bytes that a jump reaches which isn't among the references though it leaves its piece of code."""
    return_address_bytes: int
    """What a call puts on the stack."""
    arguments: tuple[Register, ...]
    """Registers that hold a function's first arguments."""
    go_arguments: tuple[Register, ...]
    """The same of Go's own calling convention."""
    zero_in_go: int | None
    """The vector register that is zero in Go's functions, if one is."""
    kept: frozenset[int]
    """Registers that a C function gives back as they were."""

    def kernel_entries(self, image: Image, part: Part) -> Iterable[int]:
        """Addresses in a part of the code where the bytes stand that enter the kernel."""
        ...

    def references(self, image: Image, bounds: Bounds) -> References:
        """Who refers to what."""
        ...

    def decode(self, code: Code, start: int, end: int) -> Piece[Any]:
        """The instructions from ``start`` to ``end``; ``code`` gives the bytes from an address to below another."""
        ...

    def before(self, raw: Any, location: Location) -> tuple[Source, ...] | None:  # noqa: ANN401
        """What ``location`` holds after the instruction, in terms of before it; None: the same as before."""
        ...

    def stops(self, raw: Any) -> bool:  # noqa: ANN401
        """Whether nothing is executed behind an instruction that has no turn."""
        ...

    def pads(self, raw: Any) -> bool:  # noqa: ANN401
        """Whether it only fills the space up to the next function."""
        ...

    def enters_kernel(self, raw: Any) -> str | None:  # noqa: ANN401
        """The entry's kind: the architecture's own or another's; None for an instruction that is none."""
        ...

    def equal_on(self, raw: Any, *, taken: bool) -> bool:  # noqa: ANN401
        """Whether this way out of a conditional jump is taken when what was compared is equal, and only then."""
        ...

    def compared(self, raw: Any, location: Location) -> Constant | Location | None:  # noqa: ANN401
        """The number that ``location`` was compared with; a location: go on looking before it, for that; None: nothing is known."""
        ...

    def jump_table(self, piece: Piece[Any], index: int) -> Table | tuple[()] | None:
        """The table that an indirect jump goes through; () if it goes through a pointer, None if it isn't understood."""
        ...

    def names(self, raw: Any, address: int) -> bool:  # noqa: ANN401
        """Whether an operand is, or is at, an address that the instruction itself says."""
        ...

    def calls_through(self, raw: Any) -> Source:  # noqa: ANN401
        """Where an indirect jump or call takes its target from."""
        ...

    def written(self, raw: Any, address: int) -> tuple[Source, ...] | None:  # noqa: ANN401
        """What an instruction puts at an address that it says itself; None if it doesn't write there."""
        ...

    def takes_address(self, raw: Any, address: int) -> bool:  # noqa: ANN401
        """Whether an instruction makes a pointer to an address that it says itself, rather than reading there."""
        ...

    def stored_through(self, raw: Any) -> Memory | None:  # noqa: ANN401
        """The place that an instruction writes to through a register other than the stack pointer; None if it doesn't."""
        ...

    def overlap(self, raw: Any, distance: int) -> tuple[Source, ...] | None:  # noqa: ANN401
        """What an instruction that writes to memory puts ``distance`` bytes behind where it begins to write; None: nothing."""
        ...

    def reads(self, raw: Any, register: Register) -> bool:  # noqa: ANN401
        """Whether an instruction makes use of what a register holds."""
        ...

    def copies(self, raw: Any, register: Register) -> Location | None:  # noqa: ANN401
        """Where an instruction puts what a register holds, unchanged: another register, or memory; None if it doesn't."""
        ...

    def loads(self, raw: Any, address: int) -> Register | None:  # noqa: ANN401
        """The register that an instruction loads from an address that it says itself, or makes that address' pointer in."""
        ...

    def only_compares(self, raw: Any) -> bool:  # noqa: ANN401
        """Whether an instruction keeps nothing of what it reads but flags."""
        ...

    def target(self, raw: Any) -> Register | None:  # noqa: ANN401
        """The register that is an instruction's first operand, if one is."""
        ...

    def dereferences(self, raw: Any, register: Register) -> bool:  # noqa: ANN401
        """Whether all that an instruction does with a register's value is to read or write where it points."""
        ...

    def puts(self, raw: Any, register: Register) -> bool:  # noqa: ANN401
        """Whether an instruction writes a register's value to memory."""
        ...

    def halts(self, raw: Any) -> bool:  # noqa: ANN401
        """Whether it ends the program, as libraries write it into the midst of a function that they give up in."""
        ...

    def ends_pointer(self, raw: Any) -> bool:  # noqa: ANN401
        """Whether what an instruction makes of a pointer is none any more: it compares, shifts or multiplies."""
        ...

    def narrows(self, raw: Any, register: Register) -> bool:  # noqa: ANN401
        """Whether all that an instruction does with a register's value is to put its lower bytes, four at most, elsewhere."""
        ...
