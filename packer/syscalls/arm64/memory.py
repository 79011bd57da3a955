"""Where a value comes from that an AArch64 instruction leaves in a register or in memory. Pure (Arm ARM, C6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.syscalls.arm64.effects import adr_of
from whit.packer.syscalls.arm64.fields import SP
from whit.packer.syscalls.arm64.meanings import meaning_of
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

if TYPE_CHECKING:
    from whit.packer.syscalls.arm64.accesses import Access, Moved
    from whit.packer.syscalls.arm64.decode import Instruction
    from whit.packer.syscalls.locations import Location, Source

    Sources = tuple[Source, ...]

WIDE = 4
"""Bytes that a call's number has."""

_WORD_BYTES = 8
_WIDEST = 64
"""Bytes that an access which isn't understood may write (four vectors, or ST64B)."""


def before(raw: Instruction, location: Location) -> Sources | None:
    """What ``location`` holds after the instruction, in terms of before it; None: the same as before."""
    if isinstance(location, Register):
        return _register_before(raw, location)
    if isinstance(location, Vector):
        return _vector_before(raw, location)
    return _memory_before(raw, location)


def place(raw: Instruction, access: Access, at: int = 0) -> Memory | Unknown:
    """Where in memory an access begins, ``at`` bytes on."""
    if access.indexed:
        return Unknown("an element of an array")
    if access.base is None:
        return Memory(None, raw.address + (access.literal or 0) + at & WORD)
    return Memory(Register(access.base), access.offset + at)


def computed(raw: Instruction) -> Unknown:
    """Something about which nothing is known."""
    return Unknown(f"it is computed at {raw.address:#x}")


def _register_before(raw: Instruction, location: Register) -> Sources | None:
    meaning = meaning_of(raw.word)
    if location.number not in meaning.writes:
        return None
    made = adr_of(raw.word, raw.address)
    if made is not None:
        return (Constant(made),)
    access = meaning.access
    if access is None:
        return meaning.sources or (computed(raw),)
    for moved in access.moved or () if access.loads else ():
        if not moved.vector and moved.register == location.number:
            return (_loaded(raw, access, moved),)
    if access.moved is not None and location.number == access.base:
        return (From(location, Operation(Deed.ADD, access.shift & WORD)),)
    return (computed(raw),)


def _loaded(raw: Instruction, access: Access, moved: Moved) -> Source:
    """A narrow value's sign is kept to be zero, which holds for call numbers."""
    found = place(raw, access, moved.at)
    if isinstance(found, Unknown):
        return found
    return From(found, Operation(Deed.AND, (1 << 8 * moved.size) - 1) if moved.size < WIDE else None)


def _vector_before(raw: Instruction, location: Vector) -> Sources | None:
    meaning = meaning_of(raw.word)
    access = meaning.access
    if access is not None and access.moved is not None:
        held = [one for one in access.moved if access.loads and one.vector and one.register == location.number]
        return (_loaded_part(raw, access, held[0], location.offset),) if held else None
    if access is not None:
        return (computed(raw),)
    if meaning.vector != location.number:
        return None
    source = meaning.sources[0] if meaning.sources else computed(raw)
    if isinstance(source, From) and isinstance(source.location, Vector):
        return (From(Vector(source.location.number, location.offset)),)
    return (Unknown("a part of a register") if isinstance(source, From) and location.offset else source,)


def _loaded_part(raw: Instruction, access: Access, moved: Moved, offset: int) -> Source:
    if offset >= moved.size:
        return Constant(0)
    found = place(raw, access, moved.at + offset)
    return found if isinstance(found, Unknown) else From(found)


def _memory_before(raw: Instruction, location: Memory) -> Sources | None:
    put = _stored(raw, location)
    if put is not None:
        return put
    if location.base is None:
        return None
    moved = before(raw, location.base)
    if moved is None:
        return None
    if location.base == Register(SP) and any(isinstance(source, Unknown) for source in moved):
        return (Unknown(f"the stack is moved at {raw.address:#x}"),)
    return tuple(with_base(location, source) for source in moved)


def _stored(raw: Instruction, location: Memory) -> Sources | None:
    """What the instruction itself puts there; None if it doesn't write there.

    A write through another pointer, or to an element of an array, is taken to be elsewhere.
    """
    access = meaning_of(raw.word).access
    if not writes_memory(access) or access is None or access.indexed or access.base is None:
        return None
    if location.base != Register(access.base):
        return None
    return overlap(raw, location.offset + access.shift - access.offset)


def writes_memory(access: Access | None) -> bool:
    """Whether an access may write to memory."""
    return access is not None and (not access.loads or access.moved is None) and not access.reads_only


def stored_through(raw: Instruction) -> Memory | None:
    """The place that an instruction writes to through a register other than the stack pointer; None if it doesn't."""
    access = meaning_of(raw.word).access
    if not writes_memory(access) or access is None or access.indexed or access.shift or access.base in (None, SP):
        return None
    found = place(raw, access)
    return found if isinstance(found, Memory) else None


def overlap(raw: Instruction, distance: int) -> Sources | None:
    """What a write puts ``distance`` bytes behind its beginning; None: nothing."""
    access = meaning_of(raw.word).access
    if access is None or not writes_memory(access):
        return None
    if access.moved is None:
        return (
            (Unknown(f"a part of it is written, or computed, at {raw.address:#x}"),)
            if -WIDE < distance < _WIDEST
            else None
        )
    for moved in access.moved:
        inside = distance - moved.at
        if not -WIDE < inside < moved.size:
            continue
        if 0 <= inside <= moved.size - WIDE:
            return (_put(raw, moved, inside),)
        return (Unknown(f"a part of it is written, or computed, at {raw.address:#x}"),)
    return None


def _put(raw: Instruction, moved: Moved, inside: int) -> Source:
    if moved.register is None:
        return Constant(0)
    if moved.vector:
        return From(Vector(moved.register, inside))
    if inside == 0:
        return From(Register(moved.register))
    return Unknown(f"a part of it is written at {raw.address:#x}")


def written(raw: Instruction, address: int) -> Sources | None:
    """What an instruction puts at an address that it says itself; None if it doesn't write there."""
    if not writes_memory(meaning_of(raw.word).access):
        return None
    for start in raw.named:
        put = overlap(raw, address - start)
        if put is not None:
            return put
    return None
