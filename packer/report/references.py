"""What code and data point to: from bytes that look like it, as bloaty does, not from a disassembly. Pure.

x86-64: ``lea``, and loads of vector registers, relative to the next instruction; in a program of fixed addresses also
numbers that are addresses. AArch64: a page's address and what is added to it. Chance finds something too, but seldom an
address of this very file's data.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from typing import TYPE_CHECKING

from whit.packer.elf import spans
from whit.packer.elf.file import FileType, SegmentFlag
from whit.packer.elf.machine import EM_AARCH64
from whit.packer.support.search import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.file import ElfFile

_X86_64 = 62
_RELATIVE = (
    re.compile(rb"\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]"),
    re.compile(rb"\x0f[\x10\x28\x6f\x54\x57][\x05\x0d\x15\x1d\x25\x2d\x35\x3d]"),
)
"""``lea`` with a 64-bit prefix, which is looked for behind; ``movups``, ``movaps``, ``movdqa``, ``andps``, ``xorps``."""

_WIDE = (0x48, 0x4C)
_LEA = 2
"""Bytes of ``lea`` before the number, without its prefix."""

_ABSOLUTE = re.compile(rb"[\xb8-\xbf]")
_BY_INDEX = re.compile(rb"\x8d[\x04\x0c\x14\x1c\x24\x2c\x34\x3c]\x25")
"""``lea`` of an address as it is; ``mov`` of a number."""

_PAGE = re.compile(rb"[\x90\xb0\xd0\xf0](?=...\x91)", re.DOTALL)
"""The last byte of ``adrp``, and after it ``add`` of a number."""

_NUMBER = struct.Struct("<i")
_PIECE = 1 << 20


def references(elf: ElfFile) -> Iterator[tuple[int, int]]:
    """(address of the instruction, address in the file's data) of what code refers to, in no order."""
    if elf.bits != 64 or elf.order != "<":  # noqa: PLR2004 - the class
        return
    ranges = _data_ranges(elf)
    if not ranges:
        return
    lowest, highest = ranges[0][0], ranges[-1][1]
    starts = [start for start, _ in ranges]
    for site, target in _found(elf):
        if lowest <= target < highest and target < ranges[bisect_right(starts, target) - 1][1]:
            yield site, target


def _data_ranges(elf: ElfFile) -> list[tuple[int, int]]:
    """Addresses of what is mapped from the file and isn't code."""
    found = []
    for start, end in spans.data(elf):
        for segment in elf.loads:
            first, last = max(start, segment.offset), min(end, segment.offset + segment.size)
            if first < last:
                found.append((first - segment.offset + segment.address, last - segment.offset + segment.address))
    return sorted(found)


def _found(elf: ElfFile) -> Iterator[tuple[int, int]]:
    for segment in elf.loads:
        if not segment.flags & SegmentFlag.EXECUTE:
            continue
        for start, end in spans.code(elf):
            first, last = max(start, segment.offset), min(end, segment.offset + segment.size, len(elf.data))
            shift = segment.address - segment.offset
            if elf.machine == _X86_64:
                yield from _in_x86(elf, first, last, shift)
            elif elf.machine == EM_AARCH64:
                yield from _in_arm(elf, first, last, shift)


def _in_x86(elf: ElfFile, start: int, end: int, shift: int) -> Iterator[tuple[int, int]]:
    data, read = elf.data, _NUMBER.unpack_from
    sweep = Sweep(data, start)
    for piece in range(start, end, _PIECE):
        sweep.passed(piece)
        stop = min(piece + _PIECE, end - 8)
        for number, pattern in enumerate(_RELATIVE):
            for match in pattern.finditer(data, piece, max(stop, piece)):
                at = match.end()
                if number or data[at - _LEA - 1] in _WIDE:
                    yield at + shift, at + 4 + shift + read(data, at)[0]
        if elf.type == FileType.EXEC:
            for match in _BY_INDEX.finditer(data, piece, max(stop, piece)):
                yield match.start() + shift, read(data, match.end())[0]
            for match in _ABSOLUTE.finditer(data, piece, max(stop, piece)):
                yield match.start() + shift, read(data, match.end())[0]


def _in_arm(elf: ElfFile, start: int, end: int, shift: int) -> Iterator[tuple[int, int]]:
    data = elf.data
    sweep = Sweep(data, start)
    for piece in range(start, end, _PIECE):
        sweep.passed(piece)
        for match in _PAGE.finditer(data, piece, min(piece + _PIECE, end)):
            at = match.start() - 3
            if (at + shift) % 4 or at < start or at + 8 > end:
                continue
            page, add = struct.unpack_from("<II", data, at)
            if add >> 22 != 0x91000000 >> 22 or add >> 5 & 31 != page & 31:
                continue
            high = (page >> 5 & 0x7FFFF) << 2 | page >> 29 & 3
            pages = high - (1 << 21) if high >> 20 else high
            site = at + shift
            yield site, (site & ~0xFFF) + (pages << 12) + (add >> 10 & 0xFFF)


def pointers(elf: ElfFile, relocated: dict[int, int]) -> Iterator[tuple[int, int]]:
    """(address of a word, address in the file's data that it holds): relocated ones, or in a program of fixed addresses all."""
    ranges = _data_ranges(elf)
    starts = [start for start, _ in ranges]
    for place, target in relocated.items():
        at = bisect_right(starts, target) - 1
        if at >= 0 and target < ranges[at][1]:
            yield place, target
    if elf.type != FileType.EXEC or elf.bits != 64 or elf.order != "<" or not ranges:  # noqa: PLR2004 - the class
        return
    lowest, highest = ranges[0][0], ranges[-1][1]
    for start, end in ranges:
        offset = elf.offset_of(start)
        if offset is None:
            continue
        first = start + -start % 8
        offset += first - start
        size = max(min(end - first, len(elf.data) - offset), 0) // 8 * 8
        for piece in range(0, size, _PIECE):
            words = memoryview(elf.data[offset + piece : offset + min(piece + _PIECE, size)]).cast("Q")
            for number, word in enumerate(words):
                if lowest <= word < highest:
                    yield first + piece + number * 8, word
