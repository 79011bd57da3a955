"""Go's table of functions: found by its header, read for the names of all linked functions. Pure.

The names survive ``-s -w`` and ``-trimpath``; the linker has dropped what is unreachable. Layout: Go's
``internal/abi/symtab.go`` and ``debug/gosym/pclntab.go``; the names' table begins at the header's funcnameOffset and
ends where the compilation units' begins. Before Go 1.16 there is no such table: each function's record points at its
name.
"""

from __future__ import annotations

import re
import struct
from functools import partial
from typing import TYPE_CHECKING

from whit.packer.elf import spans
from whit.packer.support.light import dataclass
from whit.packer.support.search import Sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.elf.file import ElfFile
    from whit.packer.support.search import Span

_MAGICS = {0xFFFFFFFB: "1.2", 0xFFFFFFFA: "1.16", 0xFFFFFFF0: "1.18", 0xFFFFFFF1: "1.20"}
"""The header's first word → the Go version that brought it."""

OFFSETS_AT = {"1.16": 2, "1.18": 3, "1.20": 3}
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
    return frozenset(name for name, _ in _occurrences(elf, table, wanted, frozenset()))


def placed(
    elf: ElfFile, table: FunctionTable, wanted: frozenset[str], to_place: frozenset[str]
) -> tuple[frozenset[str], dict[int, str]]:
    """As :func:`linked`, and for those ``to_place`` the offset of the name, as functions' records give it → the name."""
    found = list(_occurrences(elf, table, wanted | to_place, to_place))
    return (
        frozenset(name for name, _ in found if name in wanted),
        {offset: name for name, offset in found if offset is not None},
    )


def _occurrences(
    elf: ElfFile, table: FunctionTable, wanted: frozenset[str], to_place: frozenset[str]
) -> Iterator[tuple[str, int | None]]:
    """Each linked function's name, with its offset if that is wanted. (Before Go 1.16 a name may stand several times.)"""
    sought = {name.encode(): name for name in wanted}
    missing = set(sought)
    for batch in _batches(elf, table):
        for name in missing.intersection(batch.names):
            missing.discard(name)
            text = sought[name]
            yield text, batch.offset(name) if text in to_place else None
        if not missing:
            return


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some names, in the file's order, and what tells where one of them stands."""

    names: list[bytes]
    offset: Callable[[bytes], int]


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
    first = OFFSETS_AT[layout] if layout else 3
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


def _batches(elf: ElfFile, table: FunctionTable) -> Iterator[_Batch]:
    return _names_by_record(elf, table) if table.layout == "1.2" else _names_by_chunk(elf, table.names)


def _names_by_chunk(elf: ElfFile, names: Span) -> Iterator[_Batch]:
    begin, end = names
    at, rest = begin, b""
    sweep = Sweep(elf.data, begin)
    while at < end:
        sweep.passed(at)
        text = rest + elf.data[at : min(at + _CHUNK, end)]
        *whole, last = text.split(b"\0")
        yield _Batch(whole, partial(_offset_in, text, at - len(rest) - begin))
        rest = last[-_MAX_NAME:]
        at += _CHUNK
    yield _Batch([rest], lambda _: end - len(rest) - begin)


def _offset_in(text: bytes, start: int, name: bytes) -> int:
    """The place of a whole name in ``text``, which begins with one and itself stands at ``start``."""
    return start + (0 if text.startswith(name + b"\0") else text.find(b"\0" + name + b"\0") + 1)


def _names_by_record(elf: ElfFile, table: FunctionTable) -> Iterator[_Batch]:
    """Go 1.2 to 1.15: pairs (address, offset of the record), each record an address and the offset of the name."""
    word = elf.bits // 8
    pairs = struct.Struct(elf.order + elf.word[1] * 2)
    name_offset = struct.Struct(f"{elf.order}i")
    at, end = table.names[0], table.names[0] + table.functions * pairs.size
    data, limit = elf.data, table.names[1]
    while at < end:
        names, starts = [], []
        for _, record in pairs.iter_unpack(data[at : min(at + _CHUNK, end)]):
            place = table.offset + record + word
            if place + 4 > limit:
                continue
            offset = name_offset.unpack_from(data, place)[0]
            start = table.offset + offset
            stop = data.find(b"\0", max(start, 0), min(start + _MAX_NAME, limit))
            names.append(data[start:stop] if 0 <= start < stop else b"")
            starts.append(offset)
        yield _Batch(names, partial(_offset_of, names, starts))
        at += _CHUNK // pairs.size * pairs.size


def _offset_of(names: list[bytes], starts: list[int], name: bytes) -> int:
    return starts[names.index(name)]
