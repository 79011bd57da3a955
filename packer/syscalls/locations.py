"""The words in which instructions are asked where a value comes from: places that hold values, and sources of them. Pure."""

from __future__ import annotations

import operator
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

MASK = 0xFFFF_FFFF
"""The kernel reads a call's number as 32 bits (x86-64: ``unsigned int nr``; arm64: ``w8``)."""

WORD = 0xFFFF_FFFF_FFFF_FFFF


class Register(NamedTuple):
    """A general register, by the machine's number."""

    number: int


class Memory(NamedTuple):
    """The word at ``offset`` bytes from what ``base`` holds; without a base at that address, a global variable."""

    base: Location | None
    offset: int


class Vector(NamedTuple):
    """The word that begins at ``offset`` bytes in a vector register; it is told from :class:`Memory` by its number."""

    number: int
    offset: int


Location = Register | Memory | Vector


class Deed(StrEnum):
    """What is done with a value and a constant."""

    ADD = "add"
    AND = "and"
    OR = "or"
    XOR = "xor"
    SHIFT = "shift left"
    NEGATE = "negate"
    LOW_BYTE = "put into the lowest byte"
    HIGH_BYTE = "put into the second byte"


class Operation(NamedTuple):
    """One step of a computation."""

    deed: Deed
    operand: int

    def apply(self, value: int) -> int:
        """The value afterwards, of 64 bits."""
        return _DEEDS[self.deed](value, self.operand) & WORD


_DEEDS: dict[Deed, Callable[[int, int], int]] = {
    Deed.ADD: operator.add,
    Deed.AND: operator.and_,
    Deed.OR: operator.or_,
    Deed.XOR: operator.xor,
    Deed.SHIFT: lambda value, operand: value << (operand & 63),
    Deed.NEGATE: lambda value, _: -value,
    Deed.LOW_BYTE: lambda value, operand: value & ~0xFF | operand,
    Deed.HIGH_BYTE: lambda value, operand: value & ~0xFF00 | operand << 8,
}


_BITWISE = frozenset({Deed.AND, Deed.OR, Deed.XOR, Deed.SHIFT, Deed.LOW_BYTE, Deed.HIGH_BYTE})


def settled(operations: tuple[Operation, ...]) -> int | None:
    """What comes of the operations if they leave no bit of the value that they begin with; else None."""
    none, every = 0, WORD
    for index, operation in enumerate(operations):
        if operation.deed not in _BITWISE:
            return None
        none, every = operation.apply(none), operation.apply(every)
        if none == every:
            for later in operations[index + 1 :]:
                none = later.apply(none)
            return none
    return None


class Constant(NamedTuple):
    """The value is this number."""

    value: int


class From(NamedTuple):
    """The value is what ``location`` held before the instruction, with ``operation`` done to it."""

    location: Location
    operation: Operation | None = None


class Unknown(NamedTuple):
    """Nothing can be said of the value."""

    reason: str


Source = Constant | From | Unknown


def held_before(sources: tuple[Source, ...] | None, location: Location) -> Location | None:
    """What held, before an instruction, the very value that ``location`` has after it; None if that isn't sure. ``sources`` are what the machine says of it."""
    if sources is None:
        return location
    source = sources[0] if len(sources) == 1 else None
    return source.location if isinstance(source, From) and source.operation is None else None


def rooted(location: Location) -> Location:
    """The innermost place: the register, or the global variable, that an access begins with."""
    while isinstance(location, Memory) and location.base is not None:
        location = location.base
    return location


def depth(location: Location) -> int:
    """How many pointers are followed."""
    found = 0
    while isinstance(location, Memory) and location.base is not None:
        location, found = location.base, found + 1
    return found


def with_base(location: Memory, source: Source) -> Source:
    """``location`` when its base is what ``source`` says."""
    if isinstance(source, Constant):
        return From(Memory(None, source.value + location.offset & WORD))
    if isinstance(source, Unknown):
        return source
    if source.operation is None:
        return From(Memory(source.location, location.offset))
    if source.operation.deed is Deed.ADD:
        return From(Memory(source.location, signed(location.offset + source.operation.operand)))
    return Unknown("a computed address")


def signed(value: int) -> int:
    """The 64-bit number as one with a sign."""
    value &= WORD
    return value - (1 << 64) if value >> 63 else value


def replaced_root(location: Location, root: Location, by: Location) -> Location:
    """``location`` with its innermost place ``root`` exchanged."""
    if location == root:
        return by
    if isinstance(location, Memory) and location.base is not None:
        return Memory(replaced_root(location.base, root, by), location.offset)
    return location
