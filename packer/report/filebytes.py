"""Where an executable's bytes are: by kind of section, then by package, crate and function as far as tables tell. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.elf import dynamic, gofunctions, gopclntab, symbols
from whit.packer.elf.file import SectionType, parse
from whit.packer.elf.parts import kind_of, parts
from whit.packer.executable.analyse import WASM_MAGIC
from whit.packer.report.naming import placing
from whit.packer.report.wasmbytes import wasm_sizes
from whit.packer.support.errors import InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.packer.elf.file import ElfFile, Section
    from whit.packer.executable.analysis import Analysis
    from whit.packer.report.naming import Placing
    from whit.packer.report.tree import Sizes
    from whit.packer.support.search import Data

    Named = tuple[int, int, str]
    """Where something begins in memory, where it ends, its name."""

REST = "headers, padding, anything else"
WHOLE = "the file"
_ANY_NAME = "runtime.main"


def sizes_of(data: Data, analysis: Analysis) -> Sizes:
    """Path → bytes of an ELF or WebAssembly file; they add up to its size, whatever its tables say."""
    try:
        if data[:4] == WASM_MAGIC:
            found = dict(wasm_sizes(data))
        else:
            elf = parse(data)
            found = _by_section(elf, placing(analysis)) if elf.sections else _by_part(elf)
    except InvalidFileError:
        return {(WHOLE,): len(data)}
    rest = len(data) - sum(found.values())
    if rest < 0:  # sections that overlap: a hostile file's
        return {(WHOLE,): len(data)}
    return {**found, (REST,): rest} if rest else found


def _by_part(elf: ElfFile) -> dict[tuple[str, ...], int]:
    return {(part.name,): part.size for part in parts(elf) if part.name != REST}


def _by_section(elf: ElfFile, place: Placing) -> dict[tuple[str, ...], int]:
    named = sorted([*_go(elf), *_symbols(elf)], key=lambda one: (one[0], -one[1]))
    sizes: dict[tuple[str, ...], int] = {}
    loaded = sorted((section for section in elf.sections if section.size and section.address), key=lambda s: s.address)
    for section in elf.sections:
        if not section.size or section.type == SectionType.NOBITS:
            continue
        kind, left = kind_of(section), section.size
        inside = _within(named, section) if section in loaded else ()
        for name, size in inside:
            path = (kind, *place(name))
            sizes[path] = sizes.get(path, 0) + size
            left -= size
        if left:
            path = (kind, section.name or "a section without a name")
            sizes[path] = sizes.get(path, 0) + left
    return sizes


def _within(named: list[Named], section: Section) -> Iterator[tuple[str, int]]:
    """What lies in the section, no byte twice: names of one place share it, the first has it."""
    from bisect import bisect_left  # noqa: PLC0415 - here alone

    at, end = section.address, section.address + section.size
    for number in range(bisect_left(named, (at,)), len(named)):
        start, stop, name = named[number]
        if start >= end:
            return
        start, stop = max(start, at), min(stop, end)
        if stop > start:
            yield name, stop - start
            at = stop


def _go(elf: ElfFile) -> Iterator[Named]:
    """Go's functions, each up to the next."""
    table = gopclntab.find(elf)
    if table is None or not table.readable:
        return
    _, places = gopclntab.placed(elf, table, frozenset(), frozenset({_ANY_NAME}))
    functions = gofunctions.find(elf, table, dynamic.dynamic(elf), places)
    if functions is None:
        return
    starts = [functions.base + start for start in functions.starts]
    for start, end in zip(starts, _ends(starts, elf), strict=True):
        yield start, end, functions.holding(start)


def _ends(starts: list[int], elf: ElfFile) -> Iterable[int]:
    text = elf.section(".text")
    return [*starts[1:], text.address + text.size if text else starts[-1]]


def _symbols(elf: ElfFile) -> Iterator[Named]:
    table = symbols.table(elf)
    if table is None:
        return
    names = elf.sections[table.link].offset
    for index, address, size in symbols.sized(elf, table):
        yield address, address + size, elf.text_at(names + index) or "?"
