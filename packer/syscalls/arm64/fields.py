"""Fields of AArch64 instructions. Pure (Arm Architecture Reference Manual, C4)."""

from __future__ import annotations

SP = 31
"""The stack pointer's number where a field means it and not the zero register."""

ZERO = 31
"""The zero register's, where a field means that."""

_BITS = 64


def bits(word: int, at: int, count: int) -> int:
    """``count`` bits from bit ``at`` on."""
    return word >> at & (1 << count) - 1


def signed_bits(word: int, at: int, count: int) -> int:
    """The same as a number with a sign."""
    value = bits(word, at, count)
    return value - (1 << count) if value >> count - 1 else value


def is_of(word: int, mask: int, value: int) -> bool:
    """Whether the bits of ``mask`` are those of ``value``."""
    return word & mask == value


def register(word: int, at: int, *, sp: bool = False) -> int | None:
    """The general register that a field names; None for the zero register."""
    number = bits(word, at, 5)
    return number if number != SP or sp else None


def numbered(*registers: int | None) -> tuple[int, ...]:
    """Those that aren't the zero register."""
    return tuple(one for one in registers if one is not None)


def mask_of(word: int) -> int | None:
    """The pattern of a logical instruction's immediate (DecodeBitMasks): a run of ones, rotated and repeated; None for none."""
    wide, rotated, length = bits(word, 22, 1), bits(word, 16, 6), bits(word, 10, 6)
    size = 1 << (wide << 6 | ~length & 0x3F).bit_length() >> 1
    if size < 2 or (size == _BITS and not bits(word, 31, 1)):
        return None
    ones, turn = (length & size - 1) + 1, rotated & size - 1
    if ones == size:
        return None
    run = (1 << ones) - 1
    run = (run >> turn | run << size - turn) & (1 << size) - 1
    width = _BITS if bits(word, 31, 1) else _BITS // 2
    return sum(run << at for at in range(0, width, size))
