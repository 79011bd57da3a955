"""Where functions begin, as the tables say that exceptions are unwound by. Pure.

The sorted table (LSB, "Exception Frame Header") where there is one; programs that GCC links with a static glibc have but
the records that it would lead to (LSB, "Exception Frames"; DWARF 5, 6.4.1).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from whit.packer.elf.file import SectionType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from whit.packer.elf.file import ElfFile, Section

    Numbers = NDArray[np.int64]

_HEADER = 0x6474E550
"""p_type PT_GNU_EH_FRAME (LSB, "Additional Special Segments")."""

_HEADER_FORM = (1, 0x1B, 0x03, 0x3B)
"""Version; the frame's address relative in 4 bytes, the count in 4, a table of 4-byte pairs relative to the header."""

_RECORDS = ".eh_frame"
_RELATIVE = 0x10
"""DW_EH_PE_pcrel: counted from where it stands."""

_FORMS = {0x00: "<Q", 0x02: "<H", 0x03: "<I", 0x04: "<Q", 0x0A: "<h", 0x0B: "<i", 0x0C: "<q"}
"""How an address may be written (DW_EH_PE)."""

_LONGEST = 64
"""Bytes of what a common record says of its functions' records, and of its words."""


def beginnings(elf: ElfFile) -> Numbers:
    """The addresses at which the tables say that functions begin; none where they aren't understood."""
    for segment in elf.segments:
        if segment.type != _HEADER or segment.offset + 12 > len(elf.data):
            continue
        if tuple(elf.data[segment.offset : segment.offset + 4]) != _HEADER_FORM:
            continue
        count = elf.unpack("I", segment.offset + 8, "the unwinder's table")[0]
        raw = elf.data[segment.offset + 12 : segment.offset + min(12 + count * 8, segment.size)]
        rows = np.frombuffer(raw[: len(raw) // 8 * 8], dtype="<i4").astype(np.int64).reshape(-1, 2)
        return segment.address + rows[:, 0] + _early(elf, segment.offset + rows[:, 1])
    section = elf.section(_RECORDS)
    if section is None or section.type == SectionType.NOBITS:
        return np.empty(0, dtype=np.int64)
    return np.fromiter(_recorded(elf, section), dtype=np.int64)


def _early(elf: ElfFile, entries: Numbers) -> Numbers:
    """How many bytes early the records at these file offsets begin: 1 or 0.

    Those for the return from signal handlers do, so that the unwinder, which looks one byte before a return address, finds them.
    """
    early = np.zeros(len(entries), dtype=np.int64)
    readable = np.nonzero((entries >= 0) & (entries <= len(elf.data) - 8))[0]
    at = entries[readable] + 4
    backwards = np.zeros(len(at), dtype=np.int64)
    whole = np.frombuffer(elf.data, dtype=np.uint8)
    for byte in range(4):
        backwards |= whole[at + byte].astype(np.int64) << 8 * byte
    commons, which = np.unique(at - backwards, return_inverse=True)
    signals = [common >= 0 and "S" in (elf.text_at(common + 9, 16) or "") for common in commons.tolist()]
    early[readable] = np.array(signals, dtype=np.int64)[which]
    return early


class _Common(NamedTuple):
    """What functions' records have in common: how their addresses are written, and whether they begin a byte early."""

    form: str
    is_relative: bool
    early: int


def _recorded(elf: ElfFile, section: Section) -> Iterator[int]:
    """The functions of the records themselves, one after the other in the section."""
    start, end = section.span
    shift, data = section.address - section.offset, elf.data
    commons: dict[int, _Common | None] = {}
    at = start
    while at + 8 <= end:
        length, back = struct.unpack_from("<II", data, at)
        if length in (0, 0xFFFF_FFFF) or at + 4 + length > end:
            return
        if back:
            place = at + 4 - back
            if place not in commons:
                commons[place] = _common(data[place : min(place + 9 + _LONGEST, end)]) if place >= start else None
            common = commons[place]
            if common is not None and length >= 4 + struct.calcsize(common.form):
                address = struct.unpack_from(common.form, data, at + 8)[0] + common.early
                address += at + 8 + shift if common.is_relative else 0
                if 0 <= address < 1 << 63:
                    yield address
        at += 4 + length


def _common(record: bytes) -> _Common | None:
    """A common record; None for one that isn't understood."""
    record = record[: 4 + int.from_bytes(record[:4], "little")]
    words, found, rest = record[9:].partition(b"\0")
    if len(record) < 9 or record[4:8] != bytes(4) or record[8] not in (1, 3) or not found:  # noqa: PLR2004
        return None
    if words[:1] != b"z":
        return None if words else _Common("<Q", is_relative=False, early=0)
    at = 0
    for _ in range(2 if record[8] == 1 else 3):
        at = _behind_number(rest, at)
    at = _behind_number(rest, at + (record[8] == 1))
    form, relative = "<Q", False
    for word in words[1:]:
        if word == ord("R"):
            how = rest[at] if at < len(rest) else 0xFF
            form, relative = _FORMS.get(how & 0x0F, ""), how & 0xF0 == _RELATIVE
            return _Common(form, relative, int(b"S" in words)) if form and how & 0xF0 in (0, _RELATIVE) else None
        if word == ord("L"):
            at += 1
        elif word == ord("P"):
            pointer = _FORMS.get(rest[at] & 0x0F) if at < len(rest) else None
            if pointer is None:
                return None
            at += 1 + struct.calcsize(pointer)
        elif word not in b"SB":
            return None
    return _Common(form, relative, int(b"S" in words))


def _behind_number(data: bytes, at: int) -> int:
    """The place behind a LEB128 number."""
    while at < len(data) and data[at] & 0x80:
        at += 1
    return at + 1
