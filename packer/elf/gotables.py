"""What Go's function table spends on each function: its record, its name, its lines, its stack maps. Pure.

Layout: Go's ``runtime/runtime2.go`` (_func) and ``cmd/link/internal/ld/pcln.go``, from Go 1.18 on. The linker writes the
tables in the order of the functions, each piece once: a piece is of the function that is the first to name it, and
reaches to the next one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.elf.gofunctions import funcdata_base

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.dynamic import Dynamic
    from whit.packer.elf.file import ElfFile
    from whit.packer.elf.gofunctions import Functions
    from whit.packer.elf.gopclntab import FunctionTable

_RECORDS = {"1.18": 40, "1.20": 44}
"""Bytes of a function's record before what it points to: 1.20 brought the line that it begins at."""

_HEAD = struct.Struct("<9I")
_NONE = 0xFFFF_FFFF
_PAIR = 8
"""Bytes of a pair (function, record)."""

_MOST_POINTERS = 64
"""Tables that one function names: compilers make a dozen."""


@dataclass(slots=True)
class _Dealt:
    """How far one of the tables is dealt out: what lies up to the next new piece is of the owner of the last one."""

    size: int
    at: int = -1
    owner: int = 0

    def give(self, to: int, owner: int, sizes: list[int]) -> None:
        """A function names the piece at ``to``: its own if nobody before it did."""
        if not self.at < to < self.size:
            return
        if self.at >= 0:
            sizes[self.owner] += to - self.at
        self.at, self.owner = to, owner

    def end(self, sizes: list[int]) -> None:
        """The last piece reaches to the table's end."""
        if self.at >= 0:
            sizes[self.owner] += self.size - self.at


@dataclass(slots=True)
class GoTables:
    """``sizes`` are bytes of each function, ``stack_maps`` addresses that functions name (number, address), none of them below ``base``."""

    sizes: list[int]
    stack_maps: list[tuple[int, int]]
    base: int | None


def spent(elf: ElfFile, table: FunctionTable, functions: Functions, dynamic: Dynamic | None) -> GoTables | None:
    """What each function takes; None for a layout that isn't known."""
    size = _RECORDS.get(table.layout)
    if size is None:
        return None
    names, units, files, lines, records = struct.unpack_from("<5Q", elf.data, table.offset + 8 + 3 * 8)
    named, of_unit, lined = _Dealt(units - names), _Dealt(files - units), _Dealt(records - lines)
    base = funcdata_base(elf, table, dynamic)
    made = GoTables([_PAIR] * len(functions.records), [], base)
    for number, (name, unit, offsets, maps, record) in enumerate(_read(elf, functions, size)):
        made.sizes[number] += record
        named.give(name, number, made.sizes)
        of_unit.give(unit * 4, number, made.sizes)
        for offset in sorted(offsets):
            lined.give(offset, number, made.sizes)
        if base is not None:
            made.stack_maps.extend((number, base + place) for place in maps if place != _NONE)
    for dealt in (named, of_unit, lined):
        dealt.end(made.sizes)
    return made


def _read(
    elf: ElfFile, functions: Functions, size: int
) -> Iterator[tuple[int, int, tuple[int, ...], tuple[int, ...], int]]:
    """Of each function: its name's offset, its unit's, those of its lines' tables and of its stack maps, its record's bytes."""
    end = len(elf.data)
    for record in functions.records:
        at = functions.records_base + record
        if at + size > end:
            yield 0, 0, (), (), 0
            continue
        _, name, _, _, stack, file, line, tables, unit = _HEAD.unpack_from(elf.data, at)
        maps = elf.data[at + size - 1]
        if tables > _MOST_POINTERS or maps > _MOST_POINTERS or at + size + 4 * (tables + maps) > end:
            yield 0, 0, (), (), 0
            continue
        pointers = struct.unpack_from(f"<{tables + maps}I", elf.data, at + size)
        yield name, unit, (stack, file, line, *pointers[:tables]), pointers[tables:], size + 4 * (tables + maps)
