"""Debug information by whose it is: each unit tells its package, crate or source file. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.elf.dwarfunits import raw_size, units
from whit.packer.report.claims import dealt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.elf.file import ElfFile
    from whit.packer.report.claims import Path

    UnitPlacing = Callable[[str], Path]


def debug_shares(elf: ElfFile, place: UnitPlacing) -> Iterator[tuple[int, int, Path]]:
    """(place in the file, bytes, owner): .debug_info by units, and sections in which each unit has its own part.

    Of a compressed section each has as much of the file's bytes as of the plain ones.
    """
    begins: dict[str, dict[int, Path]] = {}
    for unit in units(elf):
        owner = place(unit.name)
        begins.setdefault(".debug_info", {})[unit.offset] = owner
        for part, start in unit.starts:
            begins.setdefault(part, {}).setdefault(start, owner)
    for name, starts in begins.items():
        section = elf.section(name)
        size = raw_size(elf, section) if section else None
        if section is None or not size:
            continue
        for piece, owner in dealt(starts, size):
            yield section.offset, piece * section.size // size, owner
