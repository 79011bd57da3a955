"""Where functions begin: from the symbol table, Go's function table and the unwinder's. Pure.

Only beginnings count: tables say wrong ends (glibc's ``clone`` has instructions behind the end of its entry), and what
lies between two of them is read as one piece. Code that no table tells of is a piece as well.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.elf import dynamic as program
from whit.packer.elf import gofunctions, gopclntab, symbols
from whit.packer.elf.machine import EM_AARCH64

if TYPE_CHECKING:
    from whit.packer.elf.file import ElfFile
    from whit.packer.elf.gofunctions import Functions
    from whit.packer.syscalls.image import Image

_EH_FRAME_HEADER = 0x6474E550
"""p_type PT_GNU_EH_FRAME (Linux Standard Base, "Additional Special Segments")."""

_HEADER_FORM = (1, 0x1B, 0x03, 0x3B)
"""Version; the frame's address relative in 4 bytes, the count in 4, a table of 4-byte pairs relative to the header."""

_ANY_NAME = "runtime.main"


@dataclass(frozen=True, slots=True)
class Bounds:
    """``starts`` are addresses in the code, sorted; ``told`` those that a table names as a function's beginning.

    ``names`` are those of the symbol table; ``go`` are Go's functions, in ``go_range``.
    """

    starts: tuple[int, ...]
    told: frozenset[int]
    names: dict[int, str]
    go: Functions | None
    go_range: tuple[int, int]

    def piece(self, address: int) -> tuple[int, int] | None:
        """The piece of code around an address; its end is the next one's beginning."""
        index = bisect_right(self.starts, address) - 1
        return (self.starts[index], self.starts[index + 1]) if 0 <= index < len(self.starts) - 1 else None

    def is_go(self, address: int) -> bool:
        """Whether Go's compiler or assembler made the instruction there."""
        return self.go_range[0] <= address < self.go_range[1]

    def name(self, address: int) -> str:
        """The name of the function there; empty if nothing tells it."""
        if self.go is not None and self.is_go(address):
            return self.go.holding(address)
        piece = self.piece(address)
        return self.names.get(piece[0], "") if piece else ""


def bounds_of(image: Image) -> Bounds:
    """Where functions begin, as far as the file's tables tell."""
    names = _symbols(image.elf)
    go = _go(image.elf)
    go_starts = [go.base + offset for offset in go.starts] if go else []
    told = {*names, *go_starts, *_unwound(image.elf), image.elf.entry}
    told = {address - address % _grain(image.elf) for address in told if image.code_part(address)}
    edges = {edge for part in image.code for edge in (part.start, part.end)}
    return Bounds(
        tuple(sorted(told | edges)),
        frozenset(told),
        names,
        go,
        (go_starts[0], go_starts[-1] + 1) if go_starts else (0, 0),
    )


def _grain(elf: ElfFile) -> int:
    """What instructions' addresses are multiples of."""
    return 4 if elf.machine == EM_AARCH64 else 1


def _symbols(elf: ElfFile) -> dict[int, str]:
    table = symbols.table(elf)
    if table is None:
        return {}
    names: dict[int, str] = {}
    start = elf.sections[table.link].offset
    for index, offset in symbols.functions(elf, table):
        address = elf.unpack("Q", offset + 8, "a symbol")[0]
        names.setdefault(address, elf.text_at(start + index) or "")
    return names


def _go(elf: ElfFile) -> Functions | None:
    table = gopclntab.find(elf)
    if table is None:
        return None
    _, places = gopclntab.placed(elf, table, frozenset(), frozenset({_ANY_NAME}))
    return gofunctions.find(elf, table, program.dynamic(elf), places)


def _unwound(elf: ElfFile) -> list[int]:
    """The unwinder's sorted table of functions (LSB, "Exception Frame Header")."""
    for segment in elf.segments:
        if segment.type != _EH_FRAME_HEADER or segment.offset + 12 > len(elf.data):
            continue
        if tuple(elf.data[segment.offset : segment.offset + 4]) != _HEADER_FORM:
            continue
        count = struct.unpack_from("<I", elf.data, segment.offset + 8)[0]
        rows = elf.data[segment.offset + 12 : segment.offset + min(12 + count * 8, segment.size)]
        shift = segment.address - segment.offset
        handlers = _SignalFrames(elf, shift)
        pairs = struct.iter_unpack("<ii", rows[: len(rows) // 8 * 8])
        return [segment.address + place + handlers.early(segment.offset + entry) for place, entry in pairs]
    return []


class _SignalFrames:
    """Entries of the unwinder for the return from signal handlers: they begin a byte early, so that the unwinder, which looks one byte before a return address, finds them."""

    def __init__(self, elf: ElfFile, shift: int) -> None:
        self._elf, self._shift = elf, shift
        self._known: dict[int, int] = {}

    def early(self, entry: int) -> int:
        """How many bytes early the entry at a file offset begins: 1 or 0."""
        if not 0 <= entry <= len(self._elf.data) - 8:
            return 0
        common = entry + 4 - int(struct.unpack_from("<I", self._elf.data, entry + 4)[0])
        if common not in self._known:
            words = (self._elf.text_at(common + 9, 16) or "") if common >= 0 else ""
            self._known[common] = int("S" in words)
        return self._known[common]
