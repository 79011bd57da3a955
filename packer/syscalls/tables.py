"""Tables of jumps: where a switch goes on. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from whit.packer.support.light import dataclass
from whit.packer.syscalls.pieces import Flow

if TYPE_CHECKING:
    from whit.packer.syscalls.pieces import Piece
    from whit.packer.syscalls.program import Program

_MOST = 4096
"""Entries of one table."""

_ADDRESS = 8
"""Bytes of an entry that is an address."""


class Table(NamedTuple):
    """A table at ``start``: entries of ``size`` bytes, 8 for addresses, fewer for distances from ``origin``, in units of ``1 << shift`` bytes."""

    start: int
    size: int
    origin: int
    shift: int = 0
    signed: bool = True


@dataclass(frozen=True, slots=True)
class Tables:
    """``targets``: address → the jumps that may lead there; ``unresolved``: jumps whose table wasn't understood.

    ``words`` are where the entries stand.
    """

    targets: dict[int, list[int]]
    unresolved: tuple[int, ...]
    words: frozenset[int]


def of(piece: Piece[Any], program: Program) -> Tables:
    """The tables of a piece of code. Jumps through a plain pointer are calls at a function's end and have none."""
    targets: dict[int, list[int]] = {}
    unresolved = []
    words: set[int] = set()
    for index in piece.turns.of_flow(Flow.INDIRECT_JUMP):
        program.machine.effort.spend()
        table = program.machine.jump_table(piece, index)
        if table is None:
            unresolved.append(piece.addresses[index])
        elif table:
            for word, target in _entries(table, piece, program):
                words.add(word)
                sites = targets.setdefault(target, [])
                if piece.addresses[index] not in sites:
                    sites.append(piece.addresses[index])
    return Tables(targets, tuple(unresolved), frozenset(words))


def _entries(table: Table, piece: Piece[Any], program: Program) -> list[tuple[int, int]]:
    """(where it stands, target) of all targets in the piece. A table isn't cut where a comparison seems to bound it: it ends where an entry leads out of the code, or something else begins that instructions refer to."""
    found: list[tuple[int, int]] = []
    for number in range(min(_MOST, 1 << 8 * table.size)):
        program.machine.effort.spend()
        at = table.start + number * table.size
        if number and at != table.start and program.is_referred_to(at):
            break
        word = program.image.word(at, table.size)
        if word is None:
            break
        if table.size < _ADDRESS:
            negative = table.signed and word >> 8 * table.size - 1
            word = table.origin + (word - (negative << 8 * table.size) << table.shift)
        if program.image.code_part(word) is None:
            break
        if piece.start <= word < piece.end and piece.index(word) is not None:
            found.append((at, word))
    return found
