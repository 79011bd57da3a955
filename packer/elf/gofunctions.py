"""Where Go's functions begin in memory: names of the function table → addresses. Pure.

Layout: Go's ``internal/abi/symtab.go`` and ``runtime/symtab.go`` (functab, _func, moduledata). Only for 64-bit
little-endian machines: nobody asks for others.
"""

from __future__ import annotations

import re
import struct
from array import array
from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING

from whit.packer.elf import spans
from whit.packer.elf.dynamic import Tag
from whit.packer.elf.file import SegmentFlag
from whit.packer.elf.gopclntab import OFFSETS_AT
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from whit.packer.elf.dynamic import Dynamic
    from whit.packer.elf.file import ElfFile
    from whit.packer.elf.gopclntab import FunctionTable

_WORD = 8
_TEXT_FIELD = 22
"""Words before moduledata's ``text``: pcHeader, six slices of three words each, findfunctab, minpc, maxpc."""

_MINPC_FIELD = 20

_FUNCDATA_FIELD = {"1.18": 38, "1.20": 40}
"""Words before moduledata's ``gofunc``; 1.20 brought the counters of coverage."""

_MAX_CANDIDATES = 64
_MAX_FUNCTIONS = 4 << 20
_MAX_NAMED = 1024
"""Addresses of the functions asked for: a generic one has a few."""


@dataclass(frozen=True, slots=True)
class Functions:
    """``named`` are addresses of the functions asked for → names; ``starts`` where all functions begin, sorted.

    ``starts`` count from ``base``; ``records``, from ``records_base`` in the file, are where their records stand,
    ``name_at`` where in a record the offset of its name does, and ``names`` where names' offsets count from. There may
    be millions: both are machine numbers side by side.
    """

    elf: ElfFile
    named: dict[int, str]
    base: int
    starts: Sequence[int]
    records: Sequence[int]
    records_base: int
    name_at: int
    names: int

    def holding(self, address: int) -> str:
        """The name of the function that holds an address; empty where there is none."""
        index = bisect_right(self.starts, address - self.base) - 1
        if not 0 <= index < len(self.records):
            return ""
        place = self.records_base + self.records[index] + self.name_at
        if place + 4 > len(self.elf.data):
            return ""
        start = self.names + struct.unpack_from("<i", self.elf.data, place)[0]
        return self.elf.text_at(start) or ""


def find(elf: ElfFile, table: FunctionTable, dynamic: Dynamic | None, names: Mapping[int, str]) -> Functions | None:
    """Where functions begin; ``names`` are those asked for, by their offset among the table's names.

    A function that was compiled more than once (generic ones) has several addresses. None where the file's tables
    can't be read: what follows from addresses is extra knowledge.
    """
    if elf.bits != 64 or elf.order != "<" or not names:  # noqa: PLR2004 - the class
        return None
    try:
        found = (
            _by_address(elf, table, names)
            if table.layout in ("1.2", "1.16")
            else _by_offset(elf, table, dynamic, names)
        )
    except (IndexError, ValueError, struct.error):
        return None
    return found if found and len(found.named) <= _MAX_NAMED else None


def funcdata_base(elf: ElfFile, table: FunctionTable, dynamic: Dynamic | None) -> int | None:
    """The address that the offsets of stack maps and the like count from (from Go 1.18 on); None if it can't be told."""
    field = _FUNCDATA_FIELD.get(table.layout)
    if field is None or elf.bits != 64 or elf.order != "<":  # noqa: PLR2004 - the class
        return None
    for place in _module_data(elf, table, dynamic):
        base = _pointer(elf, dynamic, place + field * _WORD)
        text = _pointer(elf, dynamic, place + _TEXT_FIELD * _WORD)
        if base and elf.offset_of(base) is not None and text and _is_code(elf, text):
            return base
    return None


def _start(elf: ElfFile, table: FunctionTable) -> int:
    """Where the pairs (function, record) begin in the file."""
    if table.layout == "1.2":
        return table.offset + 8 + _WORD
    first = OFFSETS_AT[table.layout]
    return table.offset + elf.word_at(table.offset + 8 + (first + 4) * _WORD, "Go's function table")


def _by_offset(
    elf: ElfFile, table: FunctionTable, dynamic: Dynamic | None, names: Mapping[int, str]
) -> Functions | None:
    """Go 1.18 and newer: pairs of 32 bits, relative to the text's start and to the first pair."""
    start = _start(elf, table)
    count = min(table.functions, _MAX_FUNCTIONS)
    end = start + (len(elf.data) - start) // 4 * 4
    with memoryview(elf.data) as whole, whole[start:end] as part, part.cast("I") as words:
        starts, records = (array("I", words[first : 2 * count : 2].tobytes()) for first in (0, 1))
        named = {
            starts[number]: names[words[(record >> 2) + 1]]
            for number, record in enumerate(records)
            if words[(record >> 2) + 1] in names
        }
    text = _text_start(elf, table, dynamic, starts[0])
    if text is None:
        return None
    at = {text + offset: name for offset, name in named.items()}
    return Functions(elf, at, text, starts, records, start, 4, table.names[0])


def _by_address(elf: ElfFile, table: FunctionTable, names: Mapping[int, str]) -> Functions:
    """Before Go 1.18: pairs of 64 bits, an address and an offset; the name follows the address in the record."""
    start = _start(elf, table)
    base = table.offset if table.layout == "1.2" else start
    count = min(table.functions, _MAX_FUNCTIONS, (len(elf.data) - start) // (2 * _WORD))
    pairs = array("Q", elf.data[start : start + count * 2 * _WORD])
    starts, records = pairs[::2], pairs[1::2]
    end = base + (len(elf.data) - base) // 4 * 4
    with memoryview(elf.data) as whole, whole[base:end] as part, part.cast("I") as words:
        named = {
            address: names[words[(record >> 2) + 2]]
            for address, record in zip(starts, records, strict=True)
            if address and words[(record >> 2) + 2] in names
        }
    origin = table.offset if table.layout == "1.2" else table.names[0]
    return Functions(elf, named, 0, starts, records, base, _WORD, origin)


def _text_start(elf: ElfFile, table: FunctionTable, dynamic: Dynamic | None, first: int) -> int | None:
    """The address that functions' offsets count from: in the header, or from Go 1.26 only in moduledata."""
    said = elf.word_at(table.offset + 8 + 2 * _WORD, "Go's function table")
    if said:
        return said
    for place in _module_data(elf, table, dynamic):
        text, lowest = (_pointer(elf, dynamic, place + field * _WORD) for field in (_TEXT_FIELD, _MINPC_FIELD))
        if text and text + first == lowest and _is_code(elf, text):
            return text
    return None


def _module_data(elf: ElfFile, table: FunctionTable, dynamic: Dynamic | None) -> Iterator[int]:
    """Addresses where moduledata may stand: where the function table's own address stands, or will be put."""
    address = next(
        (s.address + table.offset - s.offset for s in elf.loads if s.offset <= table.offset < s.offset + s.size), None
    )
    if address is None:
        return
    sought = re.compile(re.escape(struct.pack("<Q", address)))
    for segment in elf.loads:
        if not segment.flags & SegmentFlag.WRITE:
            continue
        span = min(segment.offset, len(elf.data)), min(segment.offset + segment.size, len(elf.data))
        for match in islice(sought.finditer(elf.data, *span), _MAX_CANDIDATES):
            yield segment.address + match.start() - segment.offset
    if (relocations := _relocations(elf, dynamic)) is not None:
        for match in islice(sought.finditer(elf.data, *relocations), _MAX_CANDIDATES):
            if (match.start() - relocations[0]) % 24 == 16:  # noqa: PLR2004 - r_addend in an Elf64_Rela
                yield elf.word_at(match.start() - 16, "a relocation")


def _pointer(elf: ElfFile, dynamic: Dynamic | None, address: int) -> int:
    """The address that stands at ``address`` once relocations are done; 0 without one."""
    offset = elf.offset_of(address)
    if offset is None or offset + _WORD > len(elf.data):
        return 0
    value = elf.word_at(offset, "Go's module data")
    relocations = _relocations(elf, dynamic)
    if value or relocations is None:
        return value
    sought = re.compile(re.escape(struct.pack("<Q", address)))
    for match in islice(sought.finditer(elf.data, *relocations), _MAX_CANDIDATES):
        if (match.start() - relocations[0]) % 24 == 0 and match.start() + 24 <= len(elf.data):
            return elf.word_at(match.start() + 16, "a relocation")
    return 0


def _relocations(elf: ElfFile, dynamic: Dynamic | None) -> tuple[int, int] | None:
    if dynamic is None or Tag.RELA not in dynamic.values:
        return None
    start = elf.offset_of(dynamic.values[Tag.RELA])
    end = len(elf.data)
    return None if start is None else (min(start, end), min(start + dynamic.values.get(Tag.RELASZ, 0), end))


def _is_code(elf: ElfFile, address: int) -> bool:
    offset = elf.offset_of(address)
    return offset is not None and any(start <= offset < end for start, end in spans.go_code(elf))
