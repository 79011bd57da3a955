"""What an AArch64 load or store moves, and where (Arm Architecture Reference Manual, C4.1.95). Pure."""

from __future__ import annotations

from typing import NamedTuple

from whit.packer.syscalls.arm64.fields import bits, is_of, register, signed_bits


class Moved(NamedTuple):
    """A register (None: the zero register) and the ``size`` bytes of memory, ``at`` bytes behind the first, that it is loaded from or stored to."""

    register: int | None
    at: int
    size: int
    vector: bool


class Access(NamedTuple):
    """A load or a store. ``base`` is a general register, 31 the stack pointer. ``offset`` is what the first byte is at from what ``base`` held before; ``shift`` is added to the base afterwards.

    ``moved`` is None where it isn't understood: atomics, exclusives, structures of vectors. With ``indexed`` the place isn't known; ``indexes`` are the registers that it is counted with.
    A load from an address that the instruction says has no base: ``literal`` is the distance from the instruction.
    """

    base: int | None
    offset: int
    shift: int
    loads: bool
    moved: tuple[Moved, ...] | None
    indexes: tuple[int, ...] = ()
    indexed: bool = False
    literal: int | None = None
    reads_only: bool = False
    """It isn't understood, but doesn't write to memory: LDXR, LDXP and their like."""


def access_of(word: int) -> Access:
    """The access of an instruction of that group."""
    kind = bits(word, 27, 3)
    if kind == 0b111 and (bits(word, 24, 1) or not bits(word, 21, 1)):
        return _single(word)
    if kind == 0b111 and bits(word, 10, 2) == 0b10:
        return _of_array(word)
    if kind == 0b101:
        return _pair(word)
    if kind == 0b011 and not bits(word, 24, 1):
        return _literal(word)
    if is_of(word, 0x3FA0_0000, 0x0880_0000):
        return _ordered(word)
    exclusive_load = is_of(word, 0x3FC0_0000, 0x0840_0000) and bits(word, 31, 1) >= bits(word, 21, 1)
    return Access(bits(word, 5, 5), 0, 0, loads=True, moved=None, reads_only=exclusive_load)


def _ordered(word: int) -> Access:
    """LDAR, STLR, LDLAR, STLLR: they move what LDR and STR do."""
    moved = (Moved(register(word, 0), 0, 1 << bits(word, 30, 2), vector=False),)
    return Access(bits(word, 5, 5), 0, 0, loads=bool(bits(word, 22, 1)), moved=moved)


def _element(word: int) -> tuple[int, bool, bool]:
    """(bytes, whether it loads, whether it is a vector register) of a single load or store."""
    vector, how, size = bool(bits(word, 26, 1)), bits(word, 22, 2), bits(word, 30, 2)
    if vector:
        return 1 << (size | (how & 0b10) << 1), bool(how & 1), True
    return 1 << size, how != 0, False


def _single(word: int) -> Access:
    size, loads, vector = _element(word)
    base = bits(word, 5, 5)
    target = bits(word, 0, 5) if vector else register(word, 0)
    moved = (Moved(target, 0, size, vector),)
    if not vector and bits(word, 22, 2) == 0b10 and size == 8:
        return Access(base, 0, 0, loads=True, moved=())
    if bits(word, 24, 1):
        return Access(base, bits(word, 10, 12) * size, 0, loads=loads, moved=moved)
    distance, how = signed_bits(word, 12, 9), bits(word, 10, 2)
    if how == 0b01:
        return Access(base, 0, distance, loads=loads, moved=moved)
    return Access(base, distance, distance if how == 0b11 else 0, loads=loads, moved=moved)


def _of_array(word: int) -> Access:
    size, loads, vector = _element(word)
    index = register(word, 16)
    target = bits(word, 0, 5) if vector else register(word, 0)
    moved = (Moved(target, 0, size, vector),)
    return Access(
        bits(word, 5, 5),
        0,
        0,
        loads=loads,
        moved=moved,
        indexes=() if index is None else (index,),
        indexed=index is not None,
    )


def _pair(word: int) -> Access:
    vector, kind, how = bool(bits(word, 26, 1)), bits(word, 30, 2), bits(word, 23, 2)
    size = 4 << kind if vector else (8 if kind == 0b10 else 4)
    registers = [bits(word, at, 5) if vector else register(word, at) for at in (0, 10)]
    moved = tuple(Moved(one, number * size, size, vector) for number, one in enumerate(registers))
    base, loads = bits(word, 5, 5), bool(bits(word, 22, 1))
    scale = 4 if not vector and kind == 0b01 and not loads else size
    if scale != size:  # STGP
        return Access(base, 0, 0, loads=False, moved=None)
    distance = signed_bits(word, 15, 7) * scale
    if how == 0b01:
        return Access(base, 0, distance, loads=loads, moved=moved)
    return Access(base, distance, distance if how == 0b11 else 0, loads=loads, moved=moved)


def _literal(word: int) -> Access:
    vector, kind = bool(bits(word, 26, 1)), bits(word, 30, 2)
    if kind == 0b11 and not vector:  # PRFM
        return Access(None, 0, 0, loads=True, moved=())
    size = 4 << kind if vector else (8 if kind == 0b01 else 4)
    target = bits(word, 0, 5) if vector else register(word, 0)
    return Access(None, 0, 0, loads=True, moved=(Moved(target, 0, size, vector),), literal=signed_bits(word, 5, 19) * 4)
