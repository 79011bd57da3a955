"""What an ELF file's bytes are spent on. Pure: from the headers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.elf.file import SECTION_EXECUTABLE, SegmentFlag
from whit.packer.elf.hardening import is_debug_section
from whit.packer.executable.analysis import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.file import ElfFile, Section

_ALLOCATED, _WRITABLE = 2, 1
"""SHF_ALLOC, SHF_WRITE (gABI, "Section Attribute Flags")."""

_BY_NAME = (
    ((".symtab", ".strtab", ".shstrtab"), "symbols"),
    ((".gopclntab", ".data.rel.ro.gopclntab"), "Go's function table"),
    ((".eh_frame", ".gcc_except_table", ".ARM.ex"), "tables for unwinding"),
    ((".dynsym", ".dynstr", ".gnu.hash", ".hash", ".gnu.version", ".rela", ".rel.", ".plt", ".got"), "dynamic linking"),
)


def parts(elf: ElfFile) -> tuple[Part, ...]:
    """The kinds of bytes in the file, the largest first; they add up to its size."""
    sizes: dict[str, int] = {}
    for name, size in _by_section(elf) if elf.sections else _by_segment(elf):
        sizes[name] = sizes.get(name, 0) + size
    rest = len(elf.data) - sum(sizes.values())
    if rest < 0:
        return ()
    sizes["headers, padding, anything else"] = rest
    return tuple(
        Part(name, sizes[name]) for name in sorted(sizes, key=lambda name: (-sizes[name], name)) if sizes[name]
    )


def _by_section(elf: ElfFile) -> Iterator[tuple[str, int]]:
    return ((kind_of(section), section.size) for section in elf.sections)


def kind_of(section: Section) -> str:
    """What kind of bytes a section holds, in words."""
    if is_debug_section(section.name):
        return "debug information"
    for starts, kind in _BY_NAME:
        if section.name.startswith(starts):
            return kind
    if section.flags & SECTION_EXECUTABLE:
        return "code"
    if not section.flags & _ALLOCATED:
        return "what is never loaded"
    return "data" if section.flags & _WRITABLE else "constants"


def _by_segment(elf: ElfFile) -> Iterator[tuple[str, int]]:
    for segment in elf.loads:
        if segment.flags & SegmentFlag.EXECUTE:
            yield "code", segment.size
        else:
            yield "data" if segment.flags & SegmentFlag.WRITE else "constants", segment.size
