"""Where an executable's bytes are: by kind of section, then by package, crate and function as far as tables tell. Pure.

What a section holds is shared out by what names it, in this order: Go's function table and symbols, which tell sizes;
the unwinder's table; then what code and data point to, each place being of who points there first, up to the next one.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from whit.packer.elf.file import SectionType, parse
from whit.packer.elf.parts import kind_of, parts
from whit.packer.executable.analyse import WASM_MAGIC
from whit.packer.report.debugbytes import debug_shares
from whit.packer.report.naming import grouped, placing, unit_placing
from whit.packer.report.owning import Owning, owning
from whit.packer.report.wasmbytes import wasm_sizes
from whit.packer.support.errors import InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.elf.file import ElfFile, Section
    from whit.packer.executable.analysis import Analysis
    from whit.packer.report.claims import Path
    from whit.packer.report.naming import Placing
    from whit.packer.report.tree import Sizes
    from whit.packer.support.search import Data

REST = "headers, padding, anything else"
WHOLE = "the file"
UNNAMED = "without a name"


def sizes_of(data: Data, analysis: Analysis) -> Sizes:
    """Path → bytes of an ELF or WebAssembly file; they add up to its size, whatever its tables say.

    In languages whose names tell a package or crate, paths of three parts and more are (kind, owner …, what), those of
    two (kind, section): nothing tells whose that is.
    """
    try:
        if data[:4] == WASM_MAGIC:
            found = dict(wasm_sizes(data))
        else:
            elf = parse(data)
            found = _by_section(elf, analysis) if elf.sections else _by_part(elf)
    except InvalidFileError:
        return {(WHOLE,): len(data)}
    rest = len(data) - sum(found.values())
    if rest < 0:  # sections that overlap: a hostile file's
        return {(WHOLE,): len(data)}
    return {**found, (REST,): rest} if rest else found


def _by_part(elf: ElfFile) -> dict[Path, int]:
    return {(part.name,): part.size for part in parts(elf) if part.name != REST}


def _by_section(elf: ElfFile, analysis: Analysis) -> dict[Path, int]:
    place = placing(analysis)
    owns = owning(elf, place, analysis.language.name)
    shares = _shares(elf.sections, [*owns.shares, *debug_shares(elf, unit_placing(analysis))])
    sizes: dict[Path, int] = {}
    for number, section in enumerate(elf.sections):
        if not section.size or section.type == SectionType.NOBITS:
            continue
        inside = _claimed(section, owns, place) if section.address else {}
        for path, size in shares.get(number, {}).items():
            inside[path] = inside.get(path, 0) + size
        taken = sum(inside.values())
        if taken > section.size:  # names that share their ends, or a hostile file's tables
            inside, taken = {}, 0
        kind, title = kind_of(section), section.name or "a section without a name"
        for path, size in inside.items():
            _add(sizes, (kind, *path), size)
        if taken < section.size:
            _add(sizes, (kind, title) if grouped(analysis) else (kind, title, UNNAMED), section.size - taken)
    return sizes


def _add(sizes: dict[Path, int], path: Path, size: int) -> None:
    sizes[path] = sizes.get(path, 0) + size


def _claimed(section: Section, owns: Owning, place: Placing) -> dict[Path, int]:
    """Bytes of the section by who claims them: functions and variables by name, what is only pointed to by the owner."""
    sizes: dict[Path, int] = {}
    for claim, size in owns.claims.pieces(section.address, section.address + section.size):
        if not claim:  # told by size, or somebody unknown refers to it
            continue
        if isinstance(claim, str):
            path = place(claim)
            _add(sizes, path if len(path) > 1 else (section.name, *path), size)
        else:
            _add(sizes, (*claim, section.name), size)
    return sizes


def _shares(sections: tuple[Section, ...], shares: Iterable[tuple[int, int, Path]]) -> dict[int, dict[Path, int]]:
    """Places in the file, sizes and owners → section's number → bytes by owner."""
    order = sorted(
        (one.offset, number) for number, one in enumerate(sections) if one.size and one.type != SectionType.NOBITS
    )
    starts = [offset for offset, _ in order]
    found: dict[int, dict[Path, int]] = {}
    for offset, size, owner in shares:
        at = bisect_right(starts, offset) - 1
        if at < 0:
            continue
        number = order[at][1]
        name = sections[number].name
        _add(found.setdefault(number, {}), (*owner, name), size)
    return found
