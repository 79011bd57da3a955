"""The units of an ELF file's debug information: their names, their sizes, and where their parts of other sections begin. Pure.

DWARF 5, 7.5 (units, abbreviations, forms), and versions 2 to 4; the 32-bit format, little-endian. Sections may be
compressed (gABI, "Section Compression").
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.file import ElfFile, Section

_COMPRESSED, _ZLIB = 0x800, 1
"""SHF_COMPRESSED, ELFCOMPRESS_ZLIB."""

_MOST_BYTES = 256 << 20
"""Of a section once it is decompressed; a larger one is taken as absent."""

_MOST_ATTRIBUTES = 64
_NAME, _LINES, _STRINGS_AT = 0x03, 0x10, 0x72
STARTS = {
    _LINES: (".debug_line", 0),
    0x73: (".debug_addr", 8),
    _STRINGS_AT: (".debug_str_offsets", 8),
    0x74: (".debug_rnglists", 12),
    0x8C: (".debug_loclists", 12),
}
"""Attribute → the section that it points into, and the bytes of the header before the place that it names."""

_FIXED = {
    0x05: 2, 0x06: 4, 0x07: 8, 0x0B: 1, 0x0C: 1, 0x0E: 4, 0x10: 4, 0x11: 1, 0x12: 2, 0x13: 4, 0x14: 8, 0x17: 4, 0x19: 0,
    0x1C: 4, 0x1D: 4, 0x1E: 16, 0x1F: 4, 0x20: 8, 0x21: 0, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4, 0x29: 1, 0x2A: 2, 0x2B: 3,
    0x2C: 4,
}  # fmt: skip
_ADDRESS, _STRING, _STRP, _LINE_STRP, _CONSTANT = 0x01, 0x08, 0x0E, 0x1F, 0x21
_NUMBERS = frozenset({0x0D, 0x0F, 0x15, 0x1A, 0x1B, 0x22, 0x23})
"""Forms of a LEB128 number."""

_BLOCKS = {0x03: 2, 0x04: 4, 0x09: 0, 0x0A: 1, 0x18: 0}
"""Forms of a length and as many bytes → bytes of the length, 0 for LEB128."""

_NAMES = {0x1A: 0, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4}
"""Forms of a number of a string."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: where it stands in .debug_info as it is decompressed, and section → where its own part of it begins."""

    name: str
    offset: int
    size: int
    starts: tuple[tuple[str, int], ...]


def content(elf: ElfFile, section: Section) -> bytes | None:
    """A section's bytes, decompressed; None if they can't be had."""
    data = elf.data[section.offset : section.offset + section.size]
    if not section.flags & _COMPRESSED:
        return data
    size = raw_size(elf, section)
    if size is None or struct.unpack_from("<I", data)[0] != _ZLIB:
        return None
    try:
        plain = zlib.decompressobj().decompress(data[24:], size)
    except zlib.error:
        return None
    return plain if len(plain) == size else None


def raw_size(elf: ElfFile, section: Section) -> int | None:
    """How many bytes a section has, once it is decompressed; None where it isn't to be trusted."""
    if not section.flags & _COMPRESSED:
        return section.size
    if section.size < 24 or elf.bits != 64:  # noqa: PLR2004 - an Elf64_Chdr, the class
        return None
    size = int(struct.unpack_from("<Q", elf.data, section.offset + 8)[0])
    return size if 0 < size <= _MOST_BYTES else None


def units(elf: ElfFile) -> Iterator[Unit]:
    """Each unit that can be read, in the file's order."""
    wanted = (".debug_info", ".debug_abbrev", ".debug_str", ".debug_line_str", ".debug_str_offsets")
    held = {name: elf.section(name) for name in wanted}
    if held[".debug_info"] is None or held[".debug_abbrev"] is None or elf.order != "<":
        return
    parts = {name: (content(elf, section) or b"") if section else b"" for name, section in held.items()}
    info, at = parts[".debug_info"], 0
    while at + 12 <= len(info):
        size = 4 + struct.unpack_from("<I", info, at)[0]
        if at + size > len(info):
            return
        try:
            yield _unit(parts, at, size)
        except (IndexError, struct.error):
            yield Unit("", at, size, ())
        at += size


def _unit(parts: dict[str, bytes], at: int, size: int) -> Unit:
    info = parts[".debug_info"]
    (version,) = struct.unpack_from("<H", info, at + 4)
    if version >= 5:  # noqa: PLR2004 - DWARF's version
        kind, width, abbreviations = struct.unpack_from("<BBI", info, at + 6)
        place = at + 12 + {2: 12, 6: 12, 4: 8, 5: 8}.get(kind, 0)
    else:
        abbreviations, width = struct.unpack_from("<IB", info, at + 6)
        place = at + 11
    code, place = _number(info, place)
    values: dict[int, tuple[int, int]] = {}
    for attribute, form in _form(parts[".debug_abbrev"], abbreviations, code):
        values[attribute] = (form, place)
        place = _behind(info, place, form, width)
    starts = [(".debug_abbrev", abbreviations)]
    for attribute, (section, header) in STARTS.items():
        if attribute in values and values[attribute][0] in (0x06, 0x17):
            starts.append((section, max(struct.unpack_from("<I", info, values[attribute][1])[0] - header, 0)))
    return Unit(_name(parts, values), at, size, tuple(starts))


def _form(table: bytes, at: int, wanted: int) -> list[tuple[int, int]]:
    """The attributes and forms of one abbreviation."""
    while True:
        code, at = _number(table, at)
        if not code:
            return []
        _, at = _number(table, at)
        at += 1
        found: list[tuple[int, int]] = []
        while len(found) <= _MOST_ATTRIBUTES:
            attribute, at = _number(table, at)
            form, at = _number(table, at)
            if form == _CONSTANT:
                _, at = _number(table, at)
            if not attribute:
                break
            found.append((attribute, form))
        if code == wanted:
            return found


def _behind(data: bytes, at: int, form: int, width: int) -> int:
    """Where the next value begins. Raises IndexError for a form that isn't known."""
    if form in _FIXED:
        return at + _FIXED[form]
    if form == _ADDRESS:
        return at + width
    if form == _STRING:
        end = data.find(b"\0", at)
        if end >= 0:
            return end + 1
    if form in _NUMBERS:
        return _number(data, at)[1]
    if form in _BLOCKS:
        size = _BLOCKS[form]
        length, at = (int.from_bytes(data[at : at + size], "little"), at + size) if size else _number(data, at)
        return at + length
    raise IndexError(form)


def _name(parts: dict[str, bytes], values: dict[int, tuple[int, int]]) -> str:
    form, at = values.get(_NAME, (0, 0))
    info, table = parts[".debug_info"], parts[".debug_str"]
    if form == _STRING:
        table, start = info, at
    elif form in (_STRP, _LINE_STRP):
        table = parts[".debug_line_str"] if form == _LINE_STRP else table
        start = struct.unpack_from("<I", info, at)[0]
    elif form in _NAMES and _STRINGS_AT in values:
        size = _NAMES[form]
        number = int.from_bytes(info[at : at + size], "little") if size else _number(info, at)[0]
        base = struct.unpack_from("<I", info, values[_STRINGS_AT][1])[0]
        start = struct.unpack_from("<I", parts[".debug_str_offsets"], base + 4 * number)[0]
    else:
        return ""
    end = table.find(b"\0", start, start + 4096)
    return table[start:end].decode("utf-8", "surrogateescape") if end >= 0 else ""


def _number(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number, and where the next thing begins. Raises IndexError at the end."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 or shift > 63:  # noqa: PLR2004 - the last byte of a number, 64 bits
            return value, at
