"""Go's table of functions: found by its header, read for the names of all linked functions. Pure.

The names survive ``-s -w`` and ``-trimpath``; the linker has dropped what is unreachable. Layout: Go's
``internal/abi/symtab.go`` and ``debug/gosym/pclntab.go``; the names' table begins at the header's funcnameOffset and
ends where the compilation units' begins. Before Go 1.16 there is no such table: each function's record points at its
name.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.elf import spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.file import ElfFile
    from whit.packer.search import Span

_MAGICS = {0xFFFFFFFB: "1.2", 0xFFFFFFFA: "1.16", 0xFFFFFFF0: "1.18", 0xFFFFFFF1: "1.20"}
"""The header's first word → the Go version that brought it."""

_OFFSETS_AT = {"1.16": 2, "1.18": 3, "1.20": 3}
"""Words between the header's first eight bytes and funcnameOffset (nfunc, nfiles and, from 1.18, textStart)."""

_OBFUSCATED = "unknown"
"""The version given to a header whose magic was changed: garble does that."""

_HEADER = {
    "<": (re.compile(rb"\xff\xff\xff\0\0[\x01\x02\x04][\x04\x08]"), -1),
    ">": (re.compile(rb"\xff\xff\xff[\xf0\xf1\xfa\xfb]\0\0[\x01\x02\x04][\x04\x08]"), 0),
}
"""A pattern and where the header begins from its match. Each begins with literal bytes: ten times faster than a set."""

_ALWAYS_LINKED = b"\0runtime.main\0"
_CHUNK = 1 << 20
_MAX_CANDIDATES = 4096
_MAX_NAME = 65536


@dataclass(frozen=True, slots=True)
class FunctionTable:
    """A pclntab: where it stands in the file, the Go version whose layout it has, and the span of its names.

    ``readable`` is False if names are hashed or the layout is unknown (garble): then nothing is known of functions.
    """

    offset: int
    layout: str
    functions: int
    names: Span
    readable: bool


def find(elf: ElfFile) -> FunctionTable | None:
    """The function table: where the section of that name says, or else wherever loaded data holds a sane header."""
    named = [section for section in elf.sections if section.name.endswith("gopclntab") and section.size]
    for section in named:
        if table := _read_header(elf, section.offset, section.offset + section.size, known=False):
            return table
    for start, end in spans.data(elf):
        if table := _search(elf, start, end):
            return table
    return None


def linked(elf: ElfFile, table: FunctionTable, wanted: frozenset[str]) -> frozenset[str]:
    """Those of ``wanted`` that are names of linked functions; memory is bounded by one chunk of names."""
    sought = {name.encode() for name in wanted}
    found: set[bytes] = set()
    batches = _names_by_record(elf, table) if table.layout == "1.2" else _names_by_chunk(elf, table.names)
    for batch in batches:
        found |= sought.intersection(batch)
        if len(found) == len(sought):
            break
    return frozenset(name.decode() for name in found)


def _search(elf: ElfFile, start: int, end: int) -> FunctionTable | None:
    pattern, shift = _HEADER[elf.order]
    for count, match in enumerate(pattern.finditer(elf.data, start, end)):
        if count == _MAX_CANDIDATES:
            return None
        if match.start() + shift >= start and (table := _read_header(elf, match.start() + shift, end, known=True)):
            return table
    return None


def _read_header(elf: ElfFile, offset: int, end: int, *, known: bool) -> FunctionTable | None:
    """A table whose header is sane: counts and offsets must lie within it, in order."""
    word = elf.bits // 8
    if end - offset < 8 + 8 * word:
        return None
    magic, zero1, zero2, quantum, pointer = elf.unpack("IBBBB", offset, "Go's function table")
    layout = _MAGICS.get(magic)
    if (layout is None and known) or zero1 or zero2 or quantum not in (1, 2, 4) or pointer != word:
        return None
    if layout == "1.2":
        return _table_by_record(elf, offset, end)
    letter = elf.word[1]
    words = struct.unpack_from(f"{elf.order}8{letter}", elf.data, offset + 8)
    first = _OFFSETS_AT[layout] if layout else 3
    names, units, files, pcs, functions = words[first : first + 5]
    count = words[0]
    ordered = 8 + (first + 5) * word <= names < units <= files <= pcs < functions <= end - offset
    if not ordered or not 0 < count <= (end - offset - functions) // 8 + 1:
        return None
    span = (offset + names, offset + units)
    readable = layout is not None and elf.data.find(_ALWAYS_LINKED, *span) >= 0
    return FunctionTable(offset, layout or _OBFUSCATED, count, span, readable)


def _table_by_record(elf: ElfFile, offset: int, end: int) -> FunctionTable | None:
    word = elf.bits // 8
    count = elf.word_at(offset + 8, "Go's function table")
    if not 0 < count <= (end - offset - 8 - word) // (2 * word):
        return None
    span = (offset + 8 + word, end)
    readable = elf.data.find(_ALWAYS_LINKED[1:], *span) >= 0
    return FunctionTable(offset, "1.2", count, span, readable) if readable else None


def _names_by_chunk(elf: ElfFile, names: Span) -> Iterator[list[bytes]]:
    at, end = names
    rest = b""
    while at < end:
        *whole, rest = (rest + elf.data[at : min(at + _CHUNK, end)]).split(b"\0")
        rest = rest[-_MAX_NAME:]
        yield whole
        at += _CHUNK
    yield [rest]


def _names_by_record(elf: ElfFile, table: FunctionTable) -> Iterator[list[bytes]]:
    """Go 1.2 to 1.15: pairs (address, offset of the record), each record an address and the offset of the name."""
    word = elf.bits // 8
    pairs = struct.Struct(elf.order + elf.word[1] * 2)
    name_offset = struct.Struct(f"{elf.order}i")
    at, end = table.names[0], table.names[0] + table.functions * pairs.size
    data, limit = elf.data, table.names[1]
    while at < end:
        batch = []
        for _, record in pairs.iter_unpack(data[at : min(at + _CHUNK, end)]):
            place = table.offset + record + word
            if place + 4 > limit:
                continue
            start = table.offset + name_offset.unpack_from(data, place)[0]
            stop = data.find(b"\0", max(start, 0), min(start + _MAX_NAME, limit))
            batch.append(data[start:stop] if 0 <= start < stop else b"")
        yield batch
        at += _CHUNK // pairs.size * pairs.size
