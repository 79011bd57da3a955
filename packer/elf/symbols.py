"""Which functions the symbol table holds, asked by exact name. Pure.

gABI, chapter 4, Symbol Table. Every defined function's name is compared, rather than the wanted names looked for in
the string table: linkers merge names that are tails of others, and a name may stand there for an undefined symbol.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from whit.packer.elf.file import SectionType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.file import ElfFile, Section

MAX_SYMBOLS = 4 << 20
"""A larger table is taken as absent: reading it would need more than a second."""

_CHUNK_SYMBOLS = 1 << 15
_FUNCTION_TYPES = frozenset({2, 10})
"""STT_FUNC, STT_GNU_IFUNC."""

_SIZED_TYPES = _FUNCTION_TYPES | {1}
"""STT_OBJECT, too."""


def table(elf: ElfFile) -> Section | None:
    """The full symbol table (.symtab), which stripping removes; None if there is none with a string table."""
    for section in elf.sections:
        usable = 0 < section.size <= MAX_SYMBOLS * _layout(elf).size and section.link < len(elf.sections)
        if section.type == SectionType.SYMTAB and usable:
            return section
    return None


def linked(elf: ElfFile, symtab: Section, wanted: frozenset[str]) -> dict[str, int]:
    """Those of ``wanted`` that are defined functions → where the symbol stands in the file."""
    sought = {name.encode(): name for name in wanted}
    longest = max(map(len, sought), default=0) + 1
    start, end = elf.sections[symtab.link].span
    find, data = elf.data.find, elf.data
    found: dict[str, int] = {}
    for index, offset in functions(elf, symtab):
        at = start + index
        stop = find(b"\0", at, min(at + longest, end))
        name = sought.get(data[at:stop]) if stop > at else None
        if name is not None:
            found.setdefault(name, offset)
    return found


def _layout(elf: ElfFile) -> struct.Struct:
    return struct.Struct(elf.order + ("IBBHQQ" if elf.bits == 64 else "IIIBBH"))  # noqa: PLR2004 - the class


def functions(elf: ElfFile, symtab: Section) -> Iterator[tuple[int, int]]:
    """(index of the name, file offset) of each defined function."""
    layout = _layout(elf)
    info, home = (1, 3) if elf.bits == 64 else (3, 5)  # noqa: PLR2004 - the class
    start, end = symtab.span
    end -= (end - start) % layout.size
    for at in range(start, end, _CHUNK_SYMBOLS * layout.size):
        chunk = elf.data[at : min(at + _CHUNK_SYMBOLS * layout.size, end)]
        for number, fields in enumerate(layout.iter_unpack(chunk)):
            if fields[info] & 15 in _FUNCTION_TYPES and fields[home]:
                yield fields[0], at + number * layout.size


def sized(elf: ElfFile, symtab: Section) -> Iterator[tuple[int, int, int]]:
    """(index of the name, address, size in bytes) of each defined function or variable that has a size."""
    layout = _layout(elf)
    info, home, value, size = (1, 3, 4, 5) if elf.bits == 64 else (3, 5, 1, 2)  # noqa: PLR2004 - the class
    start, end = symtab.span
    end -= (end - start) % layout.size
    for at in range(start, end, _CHUNK_SYMBOLS * layout.size):
        for fields in layout.iter_unpack(elf.data[at : min(at + _CHUNK_SYMBOLS * layout.size, end)]):
            if fields[info] & 15 in _SIZED_TYPES and fields[home] and fields[size]:
                yield fields[0], fields[value], fields[size]


def names(elf: ElfFile, symtab: Section) -> Iterator[int]:
    """The index of the name of each symbol that has one."""
    layout = _layout(elf)
    start, end = symtab.span
    end -= (end - start) % layout.size
    for at in range(start, end, _CHUNK_SYMBOLS * layout.size):
        for fields in layout.iter_unpack(elf.data[at : min(at + _CHUNK_SYMBOLS * layout.size, end)]):
            if fields[0]:
                yield fields[0]
