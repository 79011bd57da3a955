"""What an AArch64 instruction does with a pointer that a register holds. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.syscalls.arm64.effects import adr_of
from whit.packer.syscalls.arm64.fields import is_of
from whit.packer.syscalls.arm64.meanings import meaning_of
from whit.packer.syscalls.arm64.memory import before, writes_memory
from whit.packer.syscalls.locations import WORD, Constant, From, Memory, Register, held_before

if TYPE_CHECKING:
    from whit.packer.syscalls.arm64.decode import Instruction
    from whit.packer.syscalls.locations import Location

_WHOLE = 8


def copies(raw: Instruction, register: Register) -> Location | None:
    """Where it puts what the register holds, whole; None if it doesn't just do that."""
    meaning = meaning_of(raw.word)
    access = meaning.access
    if access is None:
        return Register(meaning.writes[0]) if meaning.sources == (From(register),) and meaning.writes else None
    if not writes_memory(access) or not access.moved or access.indexed or access.base == register.number:
        return None
    for moved in access.moved:
        if not moved.vector and moved.register == register.number and moved.size == _WHOLE:
            if raw.named:
                return Memory(None, raw.named[0] + moved.at) if len(raw.named) == 1 else None
            return Memory(Register(access.base or 0), access.offset - access.shift + moved.at)
    return None


def puts(raw: Instruction, register: Register) -> bool:
    """Whether it writes the register's value to memory."""
    access = meaning_of(raw.word).access
    if access is None or not writes_memory(access):
        return False
    return access.moved is None or any(not one.vector and one.register == register.number for one in access.moved)


def narrows(raw: Instruction, register: Register) -> bool:
    """Whether it stores but the register's lower bytes, four at most."""
    access = meaning_of(raw.word).access
    if access is None or not writes_memory(access) or not access.moved:
        return False
    if register.number == access.base or register.number in access.indexes:
        return False
    own = [moved for moved in access.moved if not moved.vector and moved.register == register.number]
    return bool(own) and all(moved.size < _WHOLE for moved in own)


def loads(raw: Instruction, address: int) -> Register | None:
    """The register that it loads from an address that it says itself, or makes a pointer to that address in."""
    if takes_address(raw, address):
        return target(raw)
    access = meaning_of(raw.word).access
    if access is None or not access.loads or not access.moved:
        return None
    for moved in access.moved:
        if not moved.vector and moved.register is not None and address - moved.at in raw.named:
            return Register(moved.register) if moved.size == _WHOLE else None
    return None


def names(raw: Instruction, address: int) -> bool:
    """Whether its operand is, or is at, an address."""
    named = raw.named
    if address in named:
        return True
    access = meaning_of(raw.word).access
    return bool(access and access.moved and any(address - moved.at in named for moved in access.moved))


def takes_address(raw: Instruction, address: int) -> bool:
    """Whether it makes a pointer to an address, rather than reading there."""
    return address in raw.named and meaning_of(raw.word).access is None


def target(raw: Instruction) -> Register | None:
    """The register that is the first operand of what isn't a store."""
    meaning = meaning_of(raw.word)
    access = meaning.access
    if access is None:
        return Register(meaning.writes[0]) if meaning.writes else None
    if not access.loads or not access.moved or access.moved[0].vector or access.moved[0].register is None:
        return None
    return Register(access.moved[0].register)


def dereferences(raw: Instruction, register: Register) -> bool:
    """Whether the register is but the base of what it loads or stores, and stays it."""
    access = meaning_of(raw.word).access
    if access is None or access.moved is None or access.base != register.number or register.number in access.indexes:
        return False
    return not access.shift and not puts(raw, register)


def compared(raw: Instruction, location: Location) -> Constant | Location | None:
    """The number that ``location`` was compared with, or 0 for the result of a computation; a location: go on looking before it, for that; None: nothing is known."""
    meaning = meaning_of(raw.word)
    if not meaning.sets_flags:
        return held_before(before(raw, location), location) if _keeps_flags(raw) else None
    if not isinstance(location, Register):
        return None
    if meaning.writes:
        return Constant(0) if meaning.writes == (location.number,) else None
    if meaning.compares_with is not None and meaning.reads == (location.number,):
        return Constant(meaning.compares_with & WORD)
    itself = is_of(raw.word, 0x7FE0_FC00, 0x6A00_0000) and meaning.reads == (location.number,) * 2  # TST Xn, Xn
    return Constant(0) if itself else None


def _keeps_flags(raw: Instruction) -> bool:
    meaning = meaning_of(raw.word)
    return meaning.access is not None or bool(meaning.sources) or adr_of(raw.word, raw.address) is not None
