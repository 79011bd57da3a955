"""How AArch64 compilers jump through tables: an address loaded from a table, or a distance, of 1, 2 or 4 bytes, that is added to an address. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.syscalls.arm64.fields import bits, is_of
from whit.packer.syscalls.arm64.meanings import meaning_of
from whit.packer.syscalls.arm64.memory import before
from whit.packer.syscalls.locations import WORD, Constant, Deed, From, Register
from whit.packer.syscalls.tables import Table

if TYPE_CHECKING:
    from whit.packer.syscalls.arm64.decode import Instruction
    from whit.packer.syscalls.effort import Effort
    from whit.packer.syscalls.pieces import Piece

_FARTHEST = 3000
"""Instructions in which a register's value is looked for: it may be set before a loop."""

_NEAR = 40
_PASSED = 4
"""Instructions looked at that count as a step."""

_SIGNED_EXTENSIONS = frozenset({0b100, 0b101, 0b110, 0b111})
"""SXTB to SXTX of ADD with an extended register."""


def jump_table(piece: Piece[Instruction], index: int, effort: Effort) -> Table | tuple[()] | None:
    """The table that an indirect jump goes through; () if it goes through a pointer, None if it isn't understood."""
    defined = _definition(piece, index, bits(piece.instructions[index].word, 5, 5), _NEAR, effort)
    if defined is None:
        return ()
    word = piece.instructions[defined].word
    access = meaning_of(word).access
    if access is not None:
        if not access.indexed or access.moved is None:
            return ()
        start = _address(piece, defined, access.base or 0, effort)
        return None if start is None or access.moved[0].size != 8 else Table(start, 8, 0)
    if is_of(word, 0xFF20_0000, 0x8B00_0000) or is_of(word, 0xFFE0_0000, 0x8B20_0000):
        return _of_distances(piece, defined, effort)
    return () if meaning_of(word).sources else None


def _of_distances(piece: Piece[Instruction], index: int, effort: Effort) -> Table | None:
    """ADD of an address and a distance, which may be extended and shifted."""
    word = piece.instructions[index].word
    origin = _address(piece, index, bits(word, 5, 5), effort)
    extended = bool(bits(word, 21, 1))
    shift = bits(word, 10, 3) if extended else bits(word, 10, 6)
    loaded = bits(word, 16, 5)
    if origin is None and not shift and not extended:
        origin, loaded = _address(piece, index, loaded, effort), bits(word, 5, 5)
    defined = _definition(piece, index, loaded, _NEAR, effort)
    if origin is None or defined is None:
        return None
    load = piece.instructions[defined].word
    access = meaning_of(load).access
    if access is None or not access.moved or not access.loads or access.base is None or not access.indexed:
        return None
    start, size = _address(piece, defined, access.base, effort), access.moved[0].size
    if start is None or size == 8:
        return None
    signs = bool(bits(load, 23, 1)) or (extended and bits(word, 13, 3) in _SIGNED_EXTENSIONS)
    return Table(start, size, origin, shift, signs)


def _address(piece: Piece[Instruction], index: int, register: int, effort: Effort) -> int | None:
    """The constant that a register holds, by the nearest instruction above that sets it."""
    added = 0
    for _ in range(4):
        defined = _definition(piece, index, register, _FARTHEST, effort)
        sources = before(piece.instructions[defined], Register(register)) if defined is not None else None
        if defined is None or sources is None or len(sources) != 1:
            return None
        source = sources[0]
        if isinstance(source, Constant):
            return source.value + added & WORD
        if not isinstance(source, From) or not isinstance(source.location, Register):
            return None
        if source.operation is not None:
            if source.operation.deed is not Deed.ADD:
                return None
            added += source.operation.operand
        index, register = defined, source.location.number
    return None


def _definition(piece: Piece[Instruction], index: int, register: int, farthest: int, effort: Effort) -> int | None:
    """The number of the nearest instruction above that writes a register."""
    last = max(index - farthest, 0)
    for at in range(index - 1, last - 1, -1):
        if at not in piece.turns and register in meaning_of(piece.instructions[at].word).writes:
            effort.spend((index - at) // _PASSED)
            return at
    effort.spend((index - last) // _PASSED)
    return None
