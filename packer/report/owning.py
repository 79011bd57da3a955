"""Who an ELF file's bytes are of, as far as its tables tell: functions, variables, and what stands there for them. Pure."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.elf import dynamic, gofunctions, gopclntab, gotables, symbols, unwinding
from whit.packer.report.claims import Claims, dealt
from whit.packer.report.panics import guessed
from whit.packer.report.references import pointers, references
from whit.packer.syscalls.relocations import relocated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.packer.elf.dynamic import Dynamic
    from whit.packer.elf.file import ElfFile
    from whit.packer.elf.gofunctions import Functions
    from whit.packer.elf.gopclntab import FunctionTable
    from whit.packer.elf.gotables import GoTables
    from whit.packer.elf.unwinding import Unwound
    from whit.packer.report.claims import Known, Path
    from whit.packer.report.naming import Placing

_ANY_NAME = "runtime.main"
_CARRIERS = ("go:", "type:*", "runtime.rodata", "runtime.types", "runtime.pclntab", "runtime.gcbits.*", "runtime.text")
"""Go's symbols for the linker's own heaps of things: what is in them is told apart."""

TOLD = ""
"""The name of what is claimed by nobody's address, for its parts are told by size."""

_FURTHEST = 3
"""How often what is pointed to is asked what it points to."""

_SYMBOL_SIZE = {64: 24, 32: 16}
_RELA_SIZE = 24
_HEADER_ROW = 8
"""Bytes of a function in .eh_frame_hdr."""


@dataclass(slots=True)
class Owning:
    """``claims`` are on memory, ``shares`` of the file: (offset, bytes, owner) in tables that tell of functions."""

    claims: Claims
    shares: list[tuple[int, int, Path]] = field(default_factory=list)


@dataclass(slots=True)
class _Work:
    """What is asked again and again while the file is gone through."""

    elf: ElfFile
    place: Placing
    dynamic: Dynamic | None
    words: dict[int, int]
    references: tuple[array[int], array[int]]
    unwound: tuple[Unwound, ...]
    owners: dict[str, Path] = field(default_factory=dict)

    def owner(self, claim: str | Path | None) -> Path | None:
        """The package or crate of a name, or the name where the language has none."""
        if not isinstance(claim, str):
            return claim
        if claim not in self.owners:
            path = self.place(claim)
            self.owners[claim] = path[:-1] or path
        return self.owners[claim]


def owning(elf: ElfFile, place: Placing, language: str) -> Owning:
    """Who has what."""
    linked = dynamic.dynamic(elf)
    words, unwound = relocated(elf, linked), tuple(unwinding.unwound(elf))
    work = _Work(elf, place, linked, words, _pairs(references(elf)), unwound)
    table, functions = _go_functions(elf, work.dynamic)
    spent = gotables.spent(elf, table, functions, work.dynamic) if table and functions else None
    told = _function_table(elf, table, spent) if table and spent else ()
    named = [*told, *(_go(functions, elf) if functions else ()), *_symbols(elf)]
    if language == "rust" and not named:
        spans = ((one.start, one.end) for one in unwound)
        named.extend(guessed(elf, spans, zip(*work.references, strict=True), words))
    owns = Owning(Claims(named))
    if table is not None and functions is not None and spent is not None:
        _go_tables(work, table, functions, spent, owns)
    _unwound(work, owns)
    _symbol_table(work, owns)
    _pointed(work, owns)
    return owns


def _pairs(found: Iterable[tuple[int, int]]) -> tuple[array[int], array[int]]:
    """Millions of pairs as machine numbers."""
    sites, targets = array("Q"), array("Q")
    for site, target in found:
        sites.append(site)
        targets.append(target)
    return sites, targets


def _go_functions(elf: ElfFile, dynamic: Dynamic | None) -> tuple[FunctionTable | None, Functions | None]:
    table = gopclntab.find(elf)
    if table is None or not table.readable:
        return None, None
    _, places = gopclntab.placed(elf, table, frozenset(), frozenset({_ANY_NAME}))
    return table, gofunctions.find(elf, table, dynamic, places)


def _go(functions: Functions, elf: ElfFile) -> Iterator[Known]:
    """Go's functions, each up to the next."""
    starts = [functions.base + start for start in functions.starts]
    for start, end in zip(starts, _ends(starts, elf), strict=True):
        yield start, end, functions.holding(start)


def _ends(starts: list[int], elf: ElfFile) -> Iterable[int]:
    text = elf.section(".text")
    return [*starts[1:], text.address + text.size if text else starts[-1]]


def _symbols(elf: ElfFile) -> Iterator[Known]:
    table = symbols.table(elf)
    if table is None:
        return
    names = elf.sections[table.link].offset
    for index, address, size in symbols.sized(elf, table):
        name = elf.text_at(names + index) or "?"
        if not name.startswith(_CARRIERS):
            yield address, address + size, name


def _function_table(elf: ElfFile, table: FunctionTable, spent: GoTables) -> Iterator[Known]:
    """The function table's own place, of which nothing is claimed by its address; stack maps may stand behind it."""
    for section in elf.sections:
        if section.offset <= table.offset < section.offset + section.size and section.address:
            start, end = section.address + table.offset - section.offset, section.address + section.size
            yield start, spent.base if spent.base and start < spent.base < end else end, TOLD
            return


def _go_tables(work: _Work, table: FunctionTable, functions: Functions, spent: GoTables, owns: Owning) -> None:
    names = [owns.claims.named(functions.base + start) for start in functions.starts]
    owners = [work.owner(name) or () for name in names]
    sums: dict[Path, int] = {}
    for owner, size in zip(owners, spent.sizes, strict=True):
        sums[owner] = sums.get(owner, 0) + size
    owns.shares.extend((table.offset, size, owner) for owner, size in sums.items() if owner)
    for number, address in spent.stack_maps:
        if owners[number]:
            owns.claims.refer(address, owners[number])


def _unwound(work: _Work, owns: Owning) -> None:
    """The unwinder's entries, their rows in its sorted table, and the tables of handlers."""
    header = work.elf.section(".eh_frame_hdr")
    for one in work.unwound:
        owner = work.owner(owns.claims.named(one.start))
        if owner is None:
            continue
        owns.shares.append((one.offset, one.size, owner))
        if header is not None:
            owns.shares.append((header.offset, _HEADER_ROW, owner))
        if one.handlers:
            owns.claims.refer(one.handlers, owner)


def _symbol_table(work: _Work, owns: Owning) -> None:
    """Each symbol's row, and its name: one that is the end of another takes nothing of its own."""
    elf, table = work.elf, symbols.table(work.elf)
    if table is None:
        return
    texts, row = elf.sections[table.link], _SYMBOL_SIZE[elf.bits]
    starts: dict[int, Path] = {}
    for index in symbols.names(elf, table):
        name = elf.text_at(texts.offset + index)
        if name and (owner := work.owner(name)):
            owns.shares.append((table.offset, row, owner))
            starts.setdefault(index, owner)
    owns.shares.extend((texts.offset, size, owner) for size, owner in dealt(starts, texts.size))


def _pointed(work: _Work, owns: Owning) -> None:
    """What code points to, then what that points to in turn, and the rows that have it relocated."""
    claims = owns.claims
    for site, target in zip(*work.references, strict=True):
        claims.refer(target, work.owner(claims.named(site)) or ())
    left = sorted(pointers(work.elf, work.words))
    for _ in range(_FURTHEST):
        owners = [work.owner(claim) for claim in claims.owners(place for place, _ in left)]
        for (_, target), owner in zip(left, owners, strict=True):
            if owner:
                claims.refer(target, owner)
        left = [pair for pair, owner in zip(left, owners, strict=True) if not owner]
    for _, target in left:
        claims.refer(target, ())
    rows = work.elf.section(".rela.dyn")
    if rows is not None:
        for claim in claims.owners(sorted(work.words)):
            if owner := work.owner(claim):
                owns.shares.append((rows.offset, _RELA_SIZE, owner))
