"""What stands where in memory once an executable is loaded: code, data, relocated words. Pure.

System V gABI, chapter 5; the relocations of the psABIs for x86-64 and AArch64, and RELR (gABI, "Relative Relocation Table").
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from whit.packer.elf import dynamic as program
from whit.packer.elf.file import SECTION_EXECUTABLE, FileType, SectionType, SegmentFlag, SegmentType, truncated
from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.packer.support.search import Sweep
from whit.packer.syscalls.relocated import Relocated, relocated_of
from whit.packer.syscalls.relocations import relocations

if TYPE_CHECKING:
    from whit.packer.elf.file import ElfFile, Segment


MOST_MEMORY = 1 << 32
"""Bytes from an image's first address to its last: references are kept as pairs of half a word each."""

_HIGHEST = 1 << 56
"""What programs have of the addresses, at most (5-level paging)."""


@dataclass(frozen=True, slots=True)
class Part:
    """A range of addresses whose bytes stand at ``offset`` of the file."""

    start: int
    end: int
    offset: int


@dataclass(frozen=True)
class Image:
    """An executable in memory at the addresses that its file says, whatever it is shifted by when it is loaded."""

    elf: ElfFile
    code: tuple[Part, ...]

    @cached_property
    def movable(self) -> bool:
        """Whether it is shifted by the loader: then no pointer stands in it but where a relocation is."""
        return self.elf.type == FileType.DYN

    @cached_property
    def memory(self) -> tuple[tuple[int, int], ...]:
        """The ranges of addresses that its segments lie at."""
        return tuple((segment.address, segment.address + segment.memory_size) for segment in self.elf.loads)

    @cached_property
    def base(self) -> int:
        """The lowest of its addresses."""
        return min([*(start for start, _ in self.memory), *(part.start for part in self.code)], default=0)

    @cached_property
    def end(self) -> int:
        """Behind the highest of them."""
        return max([*(end for _, end in self.memory), *(part.end for part in self.code)], default=0)

    @cached_property
    def relocations(self) -> Relocated:
        """The words that are relocated."""
        return relocated_of(relocations(self.elf, program.dynamic(self.elf)))

    @cached_property
    def _code_starts(self) -> list[int]:
        return [part.start for part in self.code]

    def code_part(self, address: int) -> Part | None:
        """The part of the code that an address is in."""
        index = bisect_right(self._code_starts, address) - 1
        return self.code[index] if index >= 0 and address < self.code[index].end else None

    def instructions(self, start: int, end: int) -> bytes:
        """The code from ``start`` to ``end``, both in one part."""
        part = self.code_part(start)
        if part is None:
            return b""
        return bytes(self.elf.data[part.offset + start - part.start : part.offset + min(end, part.end) - part.start])

    def segment(self, address: int) -> Segment | None:
        """The segment that an address is in."""
        for segment in self.elf.loads:
            if segment.address <= address < segment.address + segment.memory_size:
                return segment
        return None

    def writable(self, address: int) -> bool:
        """Whether a program may write there when it runs."""
        segment = self.segment(address)
        return segment is None or bool(segment.flags & SegmentFlag.WRITE)

    def constant(self, address: int) -> int | None:
        """The word of 8 bytes that stands there all the time that the program's own code runs; None if that isn't sure.

        Where the loader shifts the image, or finishes it and then protects it (PT_GNU_RELRO), only relocated words are sure.
        """
        if not self.movable and not self.writable(address):
            return self.word(address, 8)
        protected = (one for one in self.elf.segments if one.type == SegmentType.GNU_RELRO)
        if not self.writable(address) or any(0 <= address - one.address <= one.memory_size - 8 for one in protected):
            return self.relocations.at(address)
        return None

    def word(self, address: int, size: int) -> int | None:
        """The number of ``size`` bytes that stands there when the program begins; None outside of the image."""
        held = self.relocations.at(address)
        if held is not None:
            return held
        segment = self.segment(address)
        if segment is None:
            return None
        at = address - segment.address
        data = self.elf.data[segment.offset + at : segment.offset + min(at + size, segment.size)]
        return int.from_bytes(data.ljust(size, b"\0"), "little")

    def let_go(self) -> None:
        """What was read of the file need not stay in memory."""
        Sweep(self.elf.data, 0).passed(len(self.elf.data))

    def array(self, start: int, end: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        """Bytes of the file, copied."""
        return np.frombuffer(self.elf.data[start:end], dtype=np.uint8)


def image_of(elf: ElfFile) -> Image:
    """The image of an executable. Code is what the sections say, or without sections what may be executed.

    Raises :class:`InvalidFileError` for a file that ends within its code, and for one that shows the same twice,
    :class:`UnsupportedError` for one whose addresses are too far apart for what is made of them.
    """
    _require_apart(elf)
    sections = [
        Part(section.address, section.address + section.size, section.offset)
        for section in elf.sections
        if section.flags & SECTION_EXECUTABLE and section.size and section.type != SectionType.NOBITS
    ]
    segments = [
        Part(segment.address, segment.address + segment.size, segment.offset)
        for segment in elf.loads
        if segment.flags & SegmentFlag.EXECUTE and segment.size
    ]
    for part in (*sections, *segments):
        end = part.offset + part.end - part.start
        if end > len(elf.data):
            raise truncated("its code", end, len(elf.data))
    if any(not _is_loaded(section, segments) for section in sections):
        raise InvalidFileError("not a valid ELF file: its sections have code where none is loaded")
    code = tuple(sorted(sections or segments, key=lambda part: part.start))
    if sum(part.end - part.start for part in code) > len(elf.data):
        raise InvalidFileError("not a valid ELF file: it has more code than bytes")
    image = Image(elf, code)
    if image.end - image.base >= MOST_MEMORY:
        raise UnsupportedError(
            "its segments lie more than 4 GB apart", hint="whit trace sees which calls such a program makes"
        )
    return image


def _is_loaded(section: Part, segments: list[Part]) -> bool:
    """Whether the loader puts a section's bytes where the section says: what it says is believed of what is code."""
    return any(
        segment.start <= section.start
        and section.end <= segment.end
        and section.offset - section.start == segment.offset - segment.start
        for segment in segments
    )


def _require_apart(elf: ElfFile) -> None:
    """What the loader maps lies below the kernel, and at each address once: else the last one wins, and what is read isn't what runs."""
    end = 0
    for segment in sorted(elf.loads, key=lambda load: load.address):
        if segment.address < end or segment.address + segment.memory_size > _HIGHEST:
            raise InvalidFileError("not a valid ELF file: its segments overlap, or lie where no program can")
        end = segment.address + segment.memory_size
    if sum(segment.size for segment in elf.loads) > 2 * len(elf.data):
        raise InvalidFileError("not a valid ELF file: its segments are longer than the file")
