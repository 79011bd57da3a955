"""How x86-64 compilers jump through tables: ``jmp [T + r*8]``, or a distance loaded from T and added to T. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iced_x86 import Mnemonic, OpKind

from whit.packer.syscalls.locations import Constant, From, Register, signed
from whit.packer.syscalls.tables import Table
from whit.packer.syscalls.x86.memory import before
from whit.packer.syscalls.x86.operands import FULL, NO_REGISTER

if TYPE_CHECKING:
    from iced_x86 import Instruction

    from whit.packer.syscalls.effort import Effort
    from whit.packer.syscalls.pieces import Piece

_FARTHEST = 3000
"""Instructions in which a register's value is looked for: it may be set before a loop."""

_NEAR = 40
_MOVES = 16
"""Registers that an address is moved through."""

_PASSED = 4
"""Instructions looked at that count as a step."""

_WORD, _DISTANCE = 8, 4


def jump_table(piece: Piece[Instruction], index: int, effort: Effort) -> Table | tuple[()] | None:
    """The table that an indirect jump goes through; () if it goes through a pointer, None if it isn't understood."""
    raw = piece.instructions[index]
    if raw.op0_kind == OpKind.MEMORY:
        return _of_words(piece, index, raw, effort) if raw.memory_index != NO_REGISTER else ()
    defined = _definition(piece, index, FULL[raw.op0_register], _NEAR, effort)
    if defined is None:
        return ()
    return _of_register(piece, defined, effort)


def _of_register(piece: Piece[Instruction], index: int, effort: Effort) -> Table | tuple[()] | None:
    raw = piece.instructions[index]
    mnemonic = int(raw.mnemonic)
    if mnemonic == Mnemonic.MOV and raw.op1_kind == OpKind.MEMORY and raw.memory_index != NO_REGISTER:
        return _of_words(piece, index, raw, effort)
    if mnemonic == Mnemonic.ADD and raw.op1_kind == OpKind.REGISTER:
        return _of_distances(piece, index, FULL[raw.op0_register], FULL[raw.op1_register], effort)
    if mnemonic == Mnemonic.LEA and raw.memory_index != NO_REGISTER and raw.memory_index_scale == 1:
        return _of_distances(piece, index, FULL[raw.memory_base], FULL[raw.memory_index], effort)
    if mnemonic in (Mnemonic.LEA, Mnemonic.ADD, Mnemonic.SUB):
        return None
    return ()


def _of_words(piece: Piece[Instruction], index: int, raw: Instruction, effort: Effort) -> Table | None:
    shift = signed(raw.memory_displacement)
    if raw.memory_base == NO_REGISTER:
        return Table(shift, _WORD, 0)
    start = _address(piece, index, FULL[raw.memory_base], effort)
    return None if start is None else Table(start + shift, _WORD, 0)


def _of_distances(piece: Piece[Instruction], index: int, first: int, second: int, effort: Effort) -> Table | None:
    """One of the registers holds a distance from a table, the other what it counts from."""
    for loaded, origin in ((first, second), (second, first)):
        defined = _definition(piece, index, loaded, _NEAR, effort)
        if defined is None:
            continue
        raw = piece.instructions[defined]
        if raw.mnemonic != Mnemonic.MOVSXD or raw.op1_kind != OpKind.MEMORY or raw.memory_base == NO_REGISTER:
            continue
        start = _address(piece, defined, FULL[raw.memory_base], effort)
        base = _address(piece, index, origin, effort)
        if start is not None and base is not None:
            return Table(start + signed(raw.memory_displacement), _DISTANCE, base)
    return None


def _address(piece: Piece[Instruction], index: int, register: int, effort: Effort) -> int | None:
    """The constant that a register holds, by the nearest instruction above that sets it."""
    for _ in range(_MOVES):
        defined = _definition(piece, index, register, _FARTHEST, effort)
        sources = before(piece.instructions[defined], Register(register)) if defined is not None else None
        if defined is None or sources is None or len(sources) != 1:
            return None
        source = sources[0]
        if isinstance(source, Constant):
            return source.value
        if not isinstance(source, From) or not isinstance(source.location, Register) or source.operation is not None:
            return None
        index, register = defined, source.location.number
    return None


def _definition(piece: Piece[Instruction], index: int, register: int, farthest: int, effort: Effort) -> int | None:
    """The number of the nearest instruction above that writes a register."""
    location = Register(register)
    last = max(index - farthest, 0)
    for at in range(index - 1, last - 1, -1):
        if at not in piece.turns and before(piece.instructions[at], location) is not None:
            effort.spend((index - at) // _PASSED)
            return at
    effort.spend((index - last) // _PASSED)
    return None
