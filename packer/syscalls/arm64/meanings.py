"""What an AArch64 instruction does, by its 32 bits alone. Pure.

Arm Architecture Reference Manual for A-profile, chapter C4 (encoding index) and C6. What isn't known by its form writes
every register that its fields could name, and nothing is known of these values.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from whit.packer.syscalls.arm64.accesses import Access, access_of
from whit.packer.syscalls.arm64.fields import ZERO, bits, is_of, mask_of, numbered, register
from whit.packer.syscalls.locations import (
    MASK,
    WORD,
    Constant,
    Deed,
    From,
    Operation,
    Register,
    Source,
    Vector,
)

_ALL_ONES = 0xFFFF
_CACHED = 1 << 16
"""Instructions whose meaning is kept: programs repeat few."""


class Meaning(NamedTuple):
    """``writes`` and ``reads`` are general registers, 31 the stack pointer. ``sources`` is what the first of ``writes`` gets, where
    that is known and doesn't depend on where the instruction stands; ``vector`` is the vector register that is written.
    """

    writes: tuple[int, ...] = ()
    reads: tuple[int, ...] = ()
    sources: tuple[Source, ...] = ()
    access: Access | None = None
    vector: int | None = None
    sets_flags: bool = False
    ends_pointer: bool = False
    compares_with: int | None = None
    """The number that the only register read is compared with."""

    @property
    def only_compares(self) -> bool:
        """Whether it keeps nothing but flags."""
        return self.sets_flags and not self.writes


@lru_cache(maxsize=_CACHED)
def meaning_of(word: int) -> Meaning:
    """The meaning of an instruction."""
    group = bits(word, 25, 4)
    if group in (0b1000, 0b1001):
        return _of_immediate(word)
    if group in (0b1010, 0b1011):
        return _of_system(word)
    if group & 0b0101 == 0b0100:
        return _of_access(word)
    if group & 0b0111 == 0b0101:
        return _of_registers(word)
    if group & 0b0111 == 0b0111:
        return _of_vectors(word)
    return Meaning(writes=numbered(register(word, 0)), vector=bits(word, 0, 5))


def _of_access(word: int) -> Meaning:
    access = access_of(word)
    base = (access.base,)
    if access.moved is None:
        held = [register(word, at) for at in (0, 10, 16)]
        held.append(None if held[2] is None else held[2] | 1)  # CASP: a pair of registers that begins with an even one
        moved = base if _moves_base(word) else ()
        return Meaning(
            writes=numbered(*held, *moved), reads=numbered(*held, *base), access=access, vector=bits(word, 0, 5)
        )
    held = [one.register for one in access.moved if not one.vector]
    writes = (*(held if access.loads else ()), *(base if access.shift else ()))
    reads = (*(held if not access.loads else ()), *base, *access.indexes)
    return Meaning(writes=numbered(*writes), reads=numbered(*reads), access=access)


def _moves_base(word: int) -> bool:
    """Whether an access that isn't understood may move its base: atomics and exclusives don't."""
    kind = bits(word, 27, 3)
    if kind == 0b001:
        return bool(bits(word, 26, 1) and bits(word, 23, 1))
    return kind != 0b111 or bool(bits(word, 10, 1))


# Data processing, immediate (C4.1.93)


def _of_immediate(word: int) -> Meaning:
    kind = bits(word, 23, 6)
    if kind & 0b111110 == 0b100000:  # ADR, ADRP
        return Meaning(writes=numbered(register(word, 0)))
    if kind == 0b100010:
        return _added(word)
    if kind == 0b100100:
        return _logical(word)
    if kind == 0b100101:
        return _moved_wide(word)
    if kind == 0b100110:
        return _of_bitfield(word)
    read = numbered(register(word, 5), *([register(word, 16)] if kind == 0b100111 else []))
    return Meaning(writes=numbered(register(word, 0)), reads=read)


def _added(word: int) -> Meaning:
    """ADD, SUB, and with flags (CMP, CMN)."""
    flags = bool(bits(word, 29, 1))
    number = bits(word, 10, 12) << 12 * bits(word, 22, 1)
    change = (-number if bits(word, 30, 1) else number) & WORD
    target = register(word, 0, sp=not flags)
    source = register(word, 5, sp=True)
    made = From(Register(source or 0), Operation(Deed.ADD, change) if change else None)
    compared = -change & WORD if flags else None
    return Meaning(
        numbered(target),
        numbered(source),
        (made,),
        sets_flags=flags,
        compares_with=compared,
        ends_pointer=target is None,
    )


_LOGICAL = (Deed.AND, Deed.OR, Deed.XOR, Deed.AND)


def _logical(word: int) -> Meaning:
    """AND, ORR, EOR, ANDS with a bit pattern."""
    deed = _LOGICAL[bits(word, 29, 2)]
    flags = bits(word, 29, 2) == 0b11
    number = mask_of(word)
    target, source = register(word, 0, sp=not flags), register(word, 5)
    if number is None:
        return Meaning(numbered(target), numbered(source), sets_flags=flags)
    operation = Operation(deed, number)
    made = Constant(operation.apply(0)) if source is None else From(Register(source), operation)
    return Meaning(numbered(target), numbered(source), (made,), sets_flags=flags, ends_pointer=target is None)


def _moved_wide(word: int) -> Meaning:
    """MOVN, MOVZ; MOVK keeps three quarters of what was there."""
    kind, number = bits(word, 29, 2), bits(word, 5, 16) << 16 * bits(word, 21, 2)
    target = register(word, 0)
    if kind == 0b11:
        return Meaning(numbered(target), numbered(target))
    value = number if kind else ~number & (WORD if bits(word, 31, 1) else MASK)
    return Meaning(numbered(target), sources=(Constant(value),))


def _of_bitfield(word: int) -> Meaning:
    """UXTB, UXTH, LSL, and with a sign SXTB, SXTH, SXTW: the sign is kept to be zero, which holds for call numbers. BFM keeps some bits."""
    target, source = register(word, 0), register(word, 5)
    kind, rotated, last = bits(word, 29, 2), bits(word, 16, 6), bits(word, 10, 6)
    top = 63 if bits(word, 31, 1) else 31
    reads = numbered(source, *([target] if kind == 0b01 else []))
    made: tuple[Source, ...] = ()
    if source is None and kind != 0b01:
        made = (Constant(0),)
    elif source is not None and kind != 0b01 and rotated == 0:
        made = (From(Register(source), Operation(Deed.AND, (1 << last + 1) - 1) if last < 31 else None),)
    elif source is not None and kind == 0b10 and last + 1 == rotated and last < top:
        made = (From(Register(source), Operation(Deed.SHIFT, top - last)),)
    return Meaning(numbered(target), reads, made, ends_pointer=True)


# Branches and the system (C4.1.94)


def _of_system(word: int) -> Meaning:
    if is_of(word, 0xFE00_0000, 0xD600_0000):
        return Meaning(reads=numbered(register(word, 5)))
    if is_of(word, 0x7E00_0000, 0x3400_0000) or is_of(word, 0x7E00_0000, 0x3600_0000):
        return Meaning(reads=numbered(register(word, 0)))
    if is_of(word, 0xFFC0_0000, 0xD500_0000):
        reading = bool(bits(word, 21, 1))
        held = numbered(register(word, 0))
        return Meaning(writes=held) if reading else Meaning(reads=held, sets_flags=True)
    return Meaning()


# Data processing, register (C4.1.96)


def _of_registers(word: int) -> Meaning:
    kind = bits(word, 21, 8)
    target, first, second = register(word, 0), register(word, 5), register(word, 16)
    if kind & 0b11110000 == 0b01010000:  # logical; ADD, SUB
        return _of_two(word, target, first, second)
    if kind == 0b11010010:  # CCMP, CCMN
        both = numbered(first, *([] if bits(word, 11, 1) else [second]))
        return Meaning(reads=both, sets_flags=True, ends_pointer=True)
    if kind == 0b11010100:
        return _chosen(word, target, first, second)
    if kind & 0b11111000 == 0b11011000:  # three sources
        return Meaning(numbered(target), numbered(first, second, register(word, 10)), ends_pointer=True)
    flags = bool(bits(word, 29, 1))
    return Meaning(numbered(target), numbered(first, second), sets_flags=flags)


def _of_two(word: int, target: int | None, first: int | None, second: int | None) -> Meaning:
    """ORR of the zero register is a move, SUB from it a negation; ADD and SUB with an extended register may mean the stack pointer."""
    adds, extended = bool(bits(word, 24, 1)), bool(bits(word, 21, 1))
    flags = bool(bits(word, 29, 1)) if adds else bits(word, 29, 2) == 0b11
    if adds and extended:
        target, first = register(word, 0, sp=not flags), register(word, 5, sp=True)
    both = numbered(first, second)
    made: tuple[Source, ...] = ()
    plain = bits(word, 10, 6) == 0 and not extended
    if plain and first is None and not (adds and flags):
        operation = bits(word, 29, 2)
        if operation in ((0b00, 0b10) if adds else (0b01, 0b10)):
            value = None if not adds or operation == 0 else Operation(Deed.NEGATE, 0)
            made = (Constant(0) if second is None else From(Register(second), value),)
    elif plain and second is None and first is not None and adds and not flags:
        made = (From(Register(first)),)
    return Meaning(numbered(target), both, made, sets_flags=flags, ends_pointer=target is None)


def _chosen(word: int, target: int | None, first: int | None, second: int | None) -> Meaning:
    """CSEL, CSINC, CSINV, CSNEG (CSET and CSETM among them)."""
    inverts, adds = bool(bits(word, 30, 1)), bool(bits(word, 10, 1))
    operation = (
        (Operation(Deed.NEGATE, 0) if adds else Operation(Deed.XOR, WORD))
        if inverts
        else (Operation(Deed.ADD, 1) if adds else None)
    )
    one: Source = Constant(0) if first is None else From(Register(first))
    other: Source = From(Register(second), operation) if second is not None else Constant(0)
    if second is None and operation is not None:
        other = Constant(operation.apply(0))
    return Meaning(numbered(target), numbered(first, second), (one, other))


# Scalar floating point and vectors (C4.1.97)


def _of_vectors(word: int) -> Meaning:
    vector, general = bits(word, 0, 5), register(word, 5)
    if (source := _into_vector(word)) is not None:
        return Meaning(
            reads=numbered(general) if isinstance(source, Register) else (), sources=(_value(source),), vector=vector
        )
    if word & 0xFFFF_FC00 in (0x9E66_0000, 0x1E26_0000):  # FMOV Xd, Dn
        return Meaning(writes=numbered(register(word, 0)), sources=(From(Vector(bits(word, 5, 5), 0)),))
    converts = is_of(word, 0x5F00_0000, 0x1E00_0000) and (not bits(word, 21, 1) or not bits(word, 10, 6))
    if converts or is_of(word, 0x9FE0_8400, 0x0E00_0400):  # FCVT…; DUP, INS, UMOV, SMOV
        return Meaning(numbered(register(word, 0)), numbered(general), vector=vector)
    return Meaning(vector=vector, sets_flags=True)


def _into_vector(word: int) -> Register | Vector | None:
    """What a move copies into a vector register; the zero register's number is that of the field."""
    from_general = word & 0xFFFF_FC00 in (0x9E67_0000, 0x1E27_0000, 0x4E08_0C00)  # FMOV Dd, Xn; DUP Vd.2D, Xn
    if from_general:
        return Register(bits(word, 5, 5))
    if is_of(word, 0xBFE0_FC00, 0x0EA0_1C00) and bits(word, 5, 5) == bits(word, 16, 5):  # MOV Vd, Vn
        return Vector(bits(word, 5, 5), 0)
    zero = is_of(word, 0x9FF8_FFE0, 0x0F00_E400)  # MOVI Vd, #0
    return Register(ZERO) if zero else None


def _value(source: Register | Vector) -> Source:
    return Constant(0) if source == Register(ZERO) else From(source)
