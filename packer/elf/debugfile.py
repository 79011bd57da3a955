"""A program's debug information as a file of its own, as ``objcopy --only-keep-debug`` makes it. Pure.

It has all sections of the program by name and address, so that debuggers can tell where each was; of what is loaded the
bytes are left out (SHT_NOBITS) but for the build ID, by which debuggers know whose it is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whit.packer.elf.buildid import id_span
from whit.packer.elf.file import SectionType, SegmentType, parse
from whit.packer.elf.hardening import debug_sections
from whit.packer.elf.sectiontable import LOADED, aligned, header_layout, section_headers, table_span
from whit.packer.support.errors import UnsupportedError

if TYPE_CHECKING:
    from whit.packer.elf.file import ElfFile, Segment
    from whit.packer.elf.sectiontable import SectionHeader
    from whit.packer.support.search import Span

_TABLE_ALIGNMENT = 8


@dataclass(frozen=True, slots=True)
class DebugFile:
    """The file, and the build ID that it and its program have."""

    build_id: bytes
    data: bytes


def debug_file(program: bytes, full: bytes) -> DebugFile:
    """What ``full``, the same program with its debug information, has beside ``program``.

    Raises :class:`UnsupportedError` where there is none, where the program has no build ID, or where the two aren't the same
    program: what is loaded must be, byte for byte.
    """
    plain, elf = parse(program), parse(full)
    own, other = id_span(plain), id_span(elf)
    if own is None or other is None:
        raise UnsupportedError("the program has no build ID, which would tell a debugger whose information it is")
    if not debug_sections(elf):
        raise UnsupportedError("its builder makes no debug information")
    _check_same(plain, elf, own, other)
    identity = program[slice(*own)]
    return DebugFile(identity, _written(elf, full[: other[0]] + identity + full[other[1] :], other))


def _check_same(plain: ElfFile, full: ElfFile, own: Span, other: Span) -> None:
    """The segments; what may differ is where the section table is and what it says, and the build ID."""
    is_same = len(plain.segments) == len(full.segments)
    for one, two in zip(plain.loads, full.loads, strict=False):
        same_place = (one.address, one.memory_size, one.flags) == (two.address, two.memory_size, two.flags)
        is_same = is_same and same_place and _content(plain, one, own) == _content(full, two, other)
    if not is_same or len(plain.loads) != len(full.loads):
        raise UnsupportedError(
            "with debug information the compiler makes another program",
            hint="--debug keeps debug information in the program itself",
        )


def _content(elf: ElfFile, segment: Segment, identity: Span) -> bytes:
    """A segment's bytes, zeros where headers and build ID are."""
    content = bytearray(elf.data[segment.offset : segment.offset + segment.size])
    for start, end in ((0, _headers_end(elf)), table_span(elf), identity):
        first, last = (min(max(place - segment.offset, 0), len(content)) for place in (start, end))
        content[first:last] = bytes(last - first)
    return bytes(content).rstrip(b"\0")


def _headers_end(elf: ElfFile) -> int:
    table, size, _ = _program_headers(elf)
    return table + len(elf.segments) * size


def _program_headers(elf: ElfFile) -> tuple[int, int, int]:
    """Where they begin, the size of one, the size of the file's own header."""
    wide = elf.bits == 64  # noqa: PLR2004 - the class
    table: int = elf.unpack("Q", 32, "the header")[0] if wide else elf.unpack("I", 28, "the header")[0]
    return table, 56 if wide else 32, 64 if wide else 52


def _written(elf: ElfFile, data: bytes, identity: Span) -> bytes:
    headers = section_headers(elf)
    table, size, start = _program_headers(elf)
    programs_end = start + len(elf.segments) * size
    made, placed = bytearray(programs_end), []
    note_at = 0
    for number, header in enumerate(headers):
        holds_identity = (
            header.offset <= identity[0] < header.offset + header.size and header.type != SectionType.NOBITS
        )
        if number == 0 or header.type == SectionType.NOBITS or not header.size:
            placed.append(header)
        elif header.flags & LOADED and not holds_identity:
            placed.append(replace(header, type=int(SectionType.NOBITS), offset=programs_end))
        else:
            made += bytes(aligned(len(made), header.alignment) - len(made))
            placed.append(replace(header, offset=len(made)))
            note_at = len(made) if holds_identity else note_at
            made += data[header.offset : header.offset + header.size]
    made[start:programs_end] = _segments(elf, data[table : table + len(elf.segments) * size], identity, note_at)
    made[:start] = _file_header(elf, data[:start], start, aligned(len(made), _TABLE_ALIGNMENT))
    return bytes(made) + bytes(-len(made) % _TABLE_ALIGNMENT) + _table(elf, placed)


def _table(elf: ElfFile, headers: list[SectionHeader]) -> bytes:
    layout = header_layout(elf)
    return b"".join(layout.pack(*header.fields) for header in headers)


def _segments(elf: ElfFile, raw: bytes, identity: Span, note_at: int) -> bytes:
    """The same, but with nothing in the file; the note's is where that is now."""
    wide = elf.bits == 64  # noqa: PLR2004 - the class
    size, offset_at, length_at, word = (56, 8, 32, "Q") if wide else (32, 4, 16, "I")
    made = bytearray(raw)
    for number, segment in enumerate(elf.segments):
        is_note = segment.type == SegmentType.NOTE and segment.offset <= identity[0] < segment.offset + segment.size
        struct.pack_into(f"{elf.order}{word}", made, number * size + offset_at, note_at if is_note else 0)
        struct.pack_into(f"{elf.order}{word}", made, number * size + length_at, segment.size if is_note else 0)
    return bytes(made)


def _file_header(elf: ElfFile, raw: bytes, programs_at: int, table_at: int) -> bytes:
    wide = elf.bits == 64  # noqa: PLR2004 - the class
    made = bytearray(raw)
    struct.pack_into(f"{elf.order}{'QQ' if wide else 'II'}", made, 32 if wide else 28, programs_at, table_at)
    return bytes(made)
