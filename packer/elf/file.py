"""An ELF file's header, segments and sections (System V gABI, chapters 4 and 5). Pure.

What the kernel reads (header, program headers) must be right, or the file is refused; what it doesn't read (section
headers) is used where it is right and otherwise taken as absent.
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import dataclass
from whit.packer.support.search import merge

if TYPE_CHECKING:
    from whit.packer.support.search import Data, Span

MAX_PROGRAM_HEADER_BYTES = 65536
"""The kernel's own limit (fs/binfmt_elf.c, load_elf_phdrs)."""

MAX_SECTIONS = 8192
"""Executables have some 40; a table larger than this is taken as absent."""

MAX_NAME = 4096
"""The longest string that is read out of a string table: a path's limit."""


class FileType(IntEnum):
    """e_type."""

    REL = 1
    EXEC = 2
    DYN = 3
    CORE = 4


class SegmentType(IntEnum):
    """p_type, those that matter here."""

    LOAD = 1
    DYNAMIC = 2
    INTERP = 3
    NOTE = 4
    GNU_STACK = 0x6474E551
    GNU_RELRO = 0x6474E552


class SegmentFlag(IntFlag):
    """p_flags."""

    EXECUTE = 1
    WRITE = 2
    READ = 4


class SectionType(IntEnum):
    """sh_type, those that matter here."""

    SYMTAB = 2
    RELA = 4
    NOBITS = 8
    REL = 9
    GROUP = 17
    SYMTAB_SHNDX = 18
    ARM_ATTRIBUTES = 0x70000003


SECTION_EXECUTABLE = 4
"""SHF_EXECINSTR."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A program header; ``offset``, ``size`` in the file and ``address``, ``memory_size`` in memory, in bytes."""

    type: int
    flags: int
    offset: int
    address: int
    size: int
    memory_size: int


@dataclass(frozen=True, slots=True)
class Section:
    """A section header. ``size`` is 0 in the file for SHT_NOBITS, whatever the header says."""

    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int

    @property
    def span(self) -> Span:
        """The section's bytes in the file."""
        return self.offset, self.offset + self.size


@dataclass(frozen=True, slots=True)
class ElfFile:
    """The headers of one ELF file; ``data`` is the whole file, ``order`` is struct's ``<`` or ``>``."""

    data: Data
    bits: int
    order: str
    abi: int
    type: int
    machine: int
    flags: int
    entry: int
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...]

    @property
    def word(self) -> str:
        """The struct format of an address."""
        return f"{self.order}Q" if self.bits == 64 else f"{self.order}I"  # noqa: PLR2004 - the class

    @property
    def loads(self) -> tuple[Segment, ...]:
        """The segments that are mapped into memory."""
        return tuple(segment for segment in self.segments if segment.type == SegmentType.LOAD)

    @property
    def loaded_spans(self) -> tuple[Span, ...]:
        """The file's ranges that are mapped into memory, sorted and disjoint."""
        return merge(((segment.offset, segment.offset + segment.size) for segment in self.loads), len(self.data))

    def offset_of(self, address: int) -> int | None:
        """The file offset of what stands at ``address`` in memory, if it comes from the file."""
        for segment in self.loads:
            if segment.address <= address < segment.address + segment.size:
                return segment.offset + address - segment.address
        return None

    def section(self, name: str) -> Section | None:
        """The first section of that name."""
        return next((section for section in self.sections if section.name == name), None)

    def unpack(self, layout: str, offset: int, what: str) -> tuple[int, ...]:
        """Numbers in the file's byte order; InvalidFileError beyond the file's end."""
        return unpack(self.data, self.order + layout, offset, what)

    def word_at(self, offset: int, what: str) -> int:
        """One address-sized number."""
        return unpack(self.data, self.word, offset, what)[0]

    def text_at(self, offset: int, limit: int = MAX_NAME) -> str | None:
        """The NUL-terminated string at a file offset; None if there is no end within ``limit`` bytes.

        Names are bytes: those that aren't UTF-8 become lone surrogates, as in names of files (PEP 383).
        """
        if not 0 <= offset < len(self.data):
            return None
        end = self.data.find(b"\0", offset, offset + limit)
        return None if end < 0 else self.data[offset:end].decode("utf-8", "surrogateescape")


def unpack(data: Data, layout: str, offset: int, what: str) -> tuple[int, ...]:
    """struct.unpack_from that reports what was cut off."""
    end = offset + struct.calcsize(layout)
    if offset < 0 or end > len(data):
        raise truncated(what, end, len(data))
    return struct.unpack_from(layout, data, offset)


def truncated(what: str, end: int, size: int) -> InvalidFileError:
    """The error for a file that ends before something that it says it holds."""
    return InvalidFileError(
        f"truncated ELF file: {what} ends at byte {end}, the file has {size}",
        hint="copy or download the file again",
    )


def parse(data: Data, *, sections: bool = True) -> ElfFile:
    """Read the headers of ``data``, which begins with ELF's magic. InvalidFileError if the kernel would refuse them.

    A loader needs no ``sections``: without them they are taken as absent.
    """
    if len(data) < 16:  # noqa: PLR2004 - EI_NIDENT
        raise truncated("the ELF identification", 16, len(data))
    bits = {1: 32, 2: 64}.get(data[4])
    order = {1: "<", 2: ">"}.get(data[5])
    if bits is None or order is None or data[6] != 1:
        raise InvalidFileError(f"not a valid ELF file: class {data[4]}, byte order {data[5]}, version {data[6]}")
    layout = order + ("HHIQQQIHHHHHH" if bits == 64 else "HHIIIIIHHHHHH")  # noqa: PLR2004
    (kind, machine, _, entry, phoff, shoff, flags, _, phentsize, phnum, shentsize, shnum, shstrndx) = unpack(
        data, layout, 16, "the ELF header"
    )
    table = _sections(data, bits, order, (shoff, shentsize, shnum, shstrndx)) if sections else ()
    segments = _segments(data, bits, order, (phoff, phentsize, phnum))
    return ElfFile(data, bits, order, data[7], kind, machine, flags, entry, segments, table)


def _segments(data: Data, bits: int, order: str, table: tuple[int, int, int]) -> tuple[Segment, ...]:
    offset, entry_size, count = table
    layout = struct.Struct(order + ("IIQQQQQQ" if bits == 64 else "IIIIIIII"))  # noqa: PLR2004
    if count == 0:
        return ()
    if entry_size != layout.size:
        raise InvalidFileError(f"not a valid ELF file: program headers of {entry_size} bytes, not {layout.size}")
    if count * layout.size > MAX_PROGRAM_HEADER_BYTES:
        raise InvalidFileError(f"not a valid ELF file: {count} program headers, more than Linux loads")
    if offset + count * layout.size > len(data):
        raise truncated("the program header table", offset + count * layout.size, len(data))
    segments = []
    for fields in layout.iter_unpack(data[offset : offset + count * layout.size]):
        if bits == 64:  # noqa: PLR2004
            kind, flags, at, address, _, size, memory, _ = fields
        else:
            kind, at, address, _, size, memory, flags, _ = fields
        segments.append(Segment(kind, flags, at, address, size, memory))
    return tuple(segments)


def _sections(data: Data, bits: int, order: str, table: tuple[int, int, int, int]) -> tuple[Section, ...]:
    offset, entry_size, count, names_index = table
    layout = struct.Struct(order + ("IIQQQQIIQQ" if bits == 64 else "IIIIIIIIII"))  # noqa: PLR2004
    usable = 0 < count <= MAX_SECTIONS and entry_size == layout.size and names_index < count
    if not usable or not 0 < offset <= len(data) - count * layout.size:
        return ()
    raw = list(layout.iter_unpack(data[offset : offset + count * layout.size]))
    names_at, names_size = raw[names_index][4], raw[names_index][5]
    if names_at + names_size > len(data):
        return ()
    sections = []
    for name, kind, flags, address, at, size, link, *_ in raw:
        size_in_file = 0 if kind == SectionType.NOBITS else size
        if at + size_in_file > len(data):
            at, size_in_file = 0, 0  # noqa: PLW2901 - a section that isn't there; its index still counts
        text = _name(data, names_at + name, names_at + names_size)
        sections.append(Section(text, kind, flags, address, at, size_in_file, link))
    return tuple(sections)


def _name(data: Data, start: int, end: int) -> str:
    stop = data.find(b"\0", start, min(end, start + 256))
    return data[start:stop].decode("latin-1") if stop > start else ""
