"""An ELF file's section table with all its fields, for what writes ELF files (System V gABI, chapter 4). Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.elf.file import SectionType
from whit.packer.support.errors import UnsupportedError

if TYPE_CHECKING:
    from whit.packer.elf.file import ElfFile
    from whit.packer.support.search import Span

LOADED = 2
"""SHF_ALLOC."""

_LARGEST_ALIGNMENT = 1 << 16


@dataclass(frozen=True, slots=True)
class SectionHeader:
    """A section header, whole."""

    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int

    @property
    def fields(self) -> tuple[int, ...]:
        """In the file's order."""
        return (
            *(self.name, self.type, self.flags, self.address, self.offset, self.size),
            *(self.link, self.info, self.alignment, self.entry_size),
        )


def header_layout(elf: ElfFile) -> struct.Struct:
    """How a header is written."""
    return struct.Struct(elf.order + ("IIQQQQIIQQ" if elf.bits == 64 else "IIIIIIIIII"))  # noqa: PLR2004 - the class


def table_span(elf: ElfFile) -> Span:
    """Where in the file the table is."""
    wide = elf.bits == 64  # noqa: PLR2004 - the class
    start = elf.unpack("Q", 40, "the header")[0] if wide else elf.unpack("I", 32, "the header")[0]
    return start, start + len(elf.sections) * header_layout(elf).size


def section_headers(elf: ElfFile) -> list[SectionHeader]:
    """All of them. Raises :class:`UnsupportedError` for a file without, and for one that can't be written anew safely."""
    if not elf.sections:
        raise UnsupportedError("it has no section table: nothing tells what only debuggers read")
    headers = [SectionHeader(*fields) for fields in header_layout(elf).iter_unpack(elf.data[slice(*table_span(elf))])]
    for header in headers:
        if header.type in (SectionType.GROUP, SectionType.SYMTAB_SHNDX):
            raise UnsupportedError(f"it has a section of type {header.type}, which whit doesn't rewrite")
        if header.type != SectionType.NOBITS and header.offset + header.size > len(elf.data):
            raise UnsupportedError("a section ends beyond the file's end")
    return headers


def aligned(at: int, alignment: int) -> int:
    """The next place that is a multiple."""
    step = alignment if 0 < alignment <= _LARGEST_ALIGNMENT else 1
    return -(-at // step) * step
