"""An ELF file without the sections that only debuggers read. Pure: bytes in, pieces of bytes out.

Everything that is loaded, and everything before its end, keeps its bytes and its place; only the file header's words
about the section table change. Sections that aren't loaded and are kept move up behind it; the section table comes
last. (lief 1.0 removes a section from the table but not from the file, and rewrites the dynamic section.)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whit.packer.elf.file import SectionType, SegmentFlag, SegmentType, parse
from whit.packer.elf.hardening import is_debug_section
from whit.packer.elf.sectiontable import LOADED, SectionHeader, aligned, header_layout, section_headers
from whit.packer.support.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.file import ElfFile
    from whit.packer.support.search import Data, Span

_PIECE = 1 << 20
_SHF_INFO_LINK = 0x40
_SHN_LORESERVE, _SHN_ABS = 0xFF00, 0xFFF1


@dataclass(frozen=True, slots=True)
class Stripped:
    """The plan of a stripped file: the header's bytes that change, the prefix that is kept, sections, the table.

    ``moved`` are (offset in the new file, span in the old one) in order; ``size`` is the new file's.
    """

    header: bytes
    prefix: int
    moved: tuple[tuple[int, Span], ...]
    table_at: int
    table: bytes
    size: int
    removed: tuple[str, ...]
    patches: tuple[tuple[int, bytes], ...] = ()


def strip(data: Data, *, symbols: bool = False) -> Stripped:
    """Plan the removal of debug sections, and with ``symbols`` of the symbol table and its strings.

    Raises UnsupportedError for files whose sections can't be told apart safely.
    """
    elf = parse(data)
    headers = section_headers(elf)
    gone = frozenset(_dropped(elf, headers, symbols=symbols))
    prefix = _prefix(elf, headers, gone)
    for number in gone:
        if headers[number].offset < prefix and headers[number].size:
            raise UnsupportedError(f"section {elf.sections[number].name} stands among what is loaded")
    numbers = {old: new for new, old in enumerate(number for number in range(len(headers)) if number not in gone)}
    at, moved, kept = prefix, [], []
    for number, header in enumerate(headers):
        if number in gone:
            continue
        placed = header
        if number and header.type != SectionType.NOBITS and header.offset >= prefix and header.size:
            at = aligned(at, header.alignment)
            moved.append((at, (header.offset, header.offset + header.size)))
            placed = replace(header, offset=at)
            at += header.size
        elif number and header.offset > prefix:
            placed = replace(header, offset=prefix)
        kept.append(_renumbered(placed, numbers))
    if sum(end - start for _, (start, end) in moved) > len(data):
        raise UnsupportedError("its sections overlap")
    table_at = aligned(at, 8)
    layout = header_layout(elf)
    table = b"".join(layout.pack(*header.fields) for header in kept)
    names = numbers[_names_index(elf)]
    removed = tuple(elf.sections[number].name for number in sorted(gone))
    patches = tuple(_symbol_patches(elf, headers, gone, numbers, prefix))
    header_bytes = _file_header(elf, table_at, len(kept), names)
    return Stripped(header_bytes, prefix, tuple(moved), table_at, table, table_at + len(table), removed, patches)


def pieces(data: Data, plan: Stripped, stack_flags_at: int | None = None, order: str = "<") -> Iterator[bytes]:
    """The stripped file, piece by piece. ``stack_flags_at`` is where PT_GNU_STACK's flags lose their X, if given."""
    changes = dict(plan.patches)
    if stack_flags_at is not None:
        flags = struct.unpack_from(f"{order}I", data, stack_flags_at)[0] & ~SegmentFlag.EXECUTE
        changes[stack_flags_at] = struct.pack(f"{order}I", flags)
    yield from _patched(data, (0, plan.prefix), {0: plan.header, **changes})
    at = plan.prefix
    for place, span in plan.moved:
        yield bytes(place - at)
        yield from _patched(data, span, changes)
        at = place + span[1] - span[0]
    yield bytes(plan.table_at - at)
    yield plan.table


def stack_flags_at(data: Data) -> int | None:
    """Where in the file PT_GNU_STACK's flags stand, if they ask for an executable stack."""
    elf = parse(data)
    wide = elf.bits == 64  # noqa: PLR2004 - the class
    table = elf.unpack("Q", 32, "the header")[0] if wide else elf.unpack("I", 28, "the header")[0]
    for number, segment in enumerate(elf.segments):
        if segment.type == SegmentType.GNU_STACK and segment.flags & SegmentFlag.EXECUTE:
            return table + number * (56 if wide else 32) + (4 if wide else 24)
    return None


def _patched(data: Data, span: Span, changes: dict[int, bytes]) -> Iterator[bytes]:
    """A span of the file with some bytes replaced; no replacement lies across a piece's end but by its own start."""
    start, end = span
    inside = sorted(place for place in changes if start <= place < end)
    for place in inside:
        yield from _plain(data, start, place)
        yield changes[place]
        start = place + len(changes[place])
    yield from _plain(data, start, end)


def _plain(data: Data, start: int, end: int) -> Iterator[bytes]:
    return (data[at : min(at + _PIECE, end)] for at in range(start, end, _PIECE))


def _names_index(elf: ElfFile) -> int:
    return elf.unpack("H", 62 if elf.bits == 64 else 50, "the header")[0]  # noqa: PLR2004 - the class


def _dropped(elf: ElfFile, headers: list[SectionHeader], *, symbols: bool) -> Iterator[int]:
    names = _names_index(elf)
    dropped = set()
    for number, header in enumerate(headers):
        if number in (0, names) or header.flags & LOADED:
            continue
        if is_debug_section(elf.sections[number].name):
            dropped.add(number)
        elif symbols and header.type == SectionType.SYMTAB:
            dropped.add(number)
            strings = header.link if header.link < len(headers) else 0
            if strings not in (0, names) and not headers[strings].flags & LOADED:
                dropped.add(strings)
    for number, header in enumerate(headers):
        left_over = header.info in dropped or header.link in dropped
        relocates = header.type in (SectionType.REL, SectionType.RELA) and not header.flags & LOADED
        if relocates and left_over and number not in (0, names):
            dropped.add(number)
    yield from dropped


def _prefix(elf: ElfFile, headers: list[SectionHeader], gone: frozenset[int]) -> int:
    """The end of all that must stay in its place: headers, segments, sections that are loaded."""
    wide = elf.bits == 64  # noqa: PLR2004 - the class
    table = elf.unpack("Q", 32, "the header")[0] if wide else elf.unpack("I", 28, "the header")[0]
    ends = [64 if wide else 52, table + len(elf.segments) * (56 if wide else 32)]
    ends += [segment.offset + segment.size for segment in elf.segments]
    ends += [
        header.offset + header.size
        for number, header in enumerate(headers)
        if number not in gone and header.flags & LOADED and header.type != SectionType.NOBITS
    ]
    end = max(ends)
    if end > len(elf.data):
        raise UnsupportedError("a segment ends beyond the file's end")
    return end


def _renumbered(header: SectionHeader, numbers: dict[int, int]) -> SectionHeader:
    """The header with other sections' new numbers."""
    by_number = header.type in (SectionType.REL, SectionType.RELA) or header.flags & _SHF_INFO_LINK
    info = numbers.get(header.info, 0) if by_number else header.info
    return replace(header, link=numbers.get(header.link, 0), info=info)


def _symbol_patches(
    elf: ElfFile, headers: list[SectionHeader], gone: frozenset[int], numbers: dict[int, int], prefix: int
) -> Iterator[tuple[int, bytes]]:
    """New section numbers where symbols name sections that moved; a symbol of one that is gone becomes absolute."""
    first = min(gone, default=len(headers))
    size, place = (24, 6) if elf.bits == 64 else (16, 14)  # noqa: PLR2004 - the class
    short = struct.Struct(f"{elf.order}H")
    for number, header in enumerate(headers):
        if header.type != SectionType.SYMTAB or number in gone or header.flags & LOADED or header.offset < prefix:
            continue
        table = elf.data[header.offset : header.offset + header.size - header.size % size]
        for at in range(place, len(table), size):
            home = short.unpack_from(table, at)[0]
            if first <= home < _SHN_LORESERVE:
                yield header.offset + at, short.pack(numbers.get(home, _SHN_ABS))


def _file_header(elf: ElfFile, table_at: int, count: int, names: int) -> bytes:
    wide = elf.bits == 64  # noqa: PLR2004 - the class
    header = bytearray(elf.data[: 64 if wide else 52])
    struct.pack_into(f"{elf.order}{'Q' if wide else 'I'}", header, 40 if wide else 32, table_at)
    struct.pack_into(f"{elf.order}HH", header, 60 if wide else 48, count, names)
    return bytes(header)
