"""The unwinder's table of functions (.eh_frame): where each begins and ends, and where its entry stands. Pure.

Layout: Linux Standard Base, "Exception Frames". Only what GCC, LLVM and Go write for 64-bit little-endian machines:
32-bit lengths, addresses relative to their own place in four bytes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from whit.packer.elf.file import SectionType
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.file import ElfFile, Section

_RELATIVE_32 = 0x1B
"""DW_EH_PE_pcrel | DW_EH_PE_sdata4."""

_OMITTED = 0xFF
_LONG = 0xFFFF_FFFF
_SHORTEST = 16
"""Bytes of an entry's length, its way back to the common one, the function's beginning and its size."""

_LETTERS = {"R": 1, "L": 1, "P": 5, "S": 0, "B": 0}
"""Bytes that a letter of the augmentation stands for; a routine's address is taken to have four."""


@dataclass(frozen=True, slots=True)
class Unwound:
    """One function: addresses of its code, and its entry's place and size in the file. ``handlers`` is where its table of handlers stands, 0 without one."""

    start: int
    end: int
    offset: int
    size: int
    handlers: int


@dataclass(frozen=True, slots=True)
class _Common:
    """What entries share: whether their addresses can be read, and whether they name a table of handlers."""

    readable: bool
    has_handlers: bool


def unwound(elf: ElfFile) -> Iterator[Unwound]:
    """Each function of the table, in its order; nothing where the file has none that can be read."""
    section = elf.section(".eh_frame")
    if section is None or section.type == SectionType.NOBITS or elf.bits != 64 or elf.order != "<":  # noqa: PLR2004 - the class
        return
    commons: dict[int, _Common] = {}
    at, end = section.offset, min(section.offset + section.size, len(elf.data))
    while at + _SHORTEST <= end:
        length, back = struct.unpack_from("<II", elf.data, at)
        after = at + 4 + length
        if not length or length == _LONG or after > end:
            return
        if back:
            common = at + 4 - back
            if common not in commons:
                commons[common] = _common(elf, common, section)
            if commons[common].readable and length >= _SHORTEST - 4:
                yield _entry(elf, section, at, length + 4, commons[common])
        at = after


def _entry(elf: ElfFile, section: Section, at: int, size: int, common: _Common) -> Unwound:
    shift = section.address - section.offset
    distance, length = struct.unpack_from("<iI", elf.data, at + 8)
    start = at + 8 + shift + distance
    handlers = 0
    if common.has_handlers and size >= _SHORTEST + 5:
        (way,) = struct.unpack_from("<i", elf.data, at + _SHORTEST + 1)
        handlers = at + _SHORTEST + 1 + shift + way if way else 0
    return Unwound(start, start + length, at, size, max(handlers, 0))


def _common(elf: ElfFile, at: int, section: Section) -> _Common:
    """The common entry at a file offset: its augmentation says how the others' addresses are written."""
    if not section.offset <= at <= section.offset + section.size - _SHORTEST:
        return _Common(readable=False, has_handlers=False)
    text = elf.text_at(at + 9, 16)
    if not text or not text.startswith("z"):
        return _Common(readable=False, has_handlers=False)
    place = at + 9 + len(text) + 1
    for _ in range(2):  # alignment of code, of data
        place = _skipped(elf, place)
    place = _skipped(elf, place + 1)  # the register of the return address, then the augmentation's length
    forms: dict[str, int] = {}
    for letter in text[1:]:
        if letter not in _LETTERS or place >= len(elf.data):
            return _Common(readable=False, has_handlers=False)
        forms[letter] = elf.data[place]
        place += _LETTERS[letter]
    readable = forms.get("R") == _RELATIVE_32 and forms.get("L", _OMITTED) in (_RELATIVE_32, _OMITTED)
    return _Common(readable, forms.get("L") == _RELATIVE_32)


def _skipped(elf: ElfFile, at: int) -> int:
    """Behind a LEB128 number."""
    while at < len(elf.data) and elf.data[at] & 0x80:
        at += 1
    return at + 1
