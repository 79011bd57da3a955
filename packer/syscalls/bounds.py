"""Where functions begin: from the symbol table, Go's function table and the unwinder's. Pure.

Only beginnings count: tables say wrong ends (glibc's ``clone`` has instructions behind the end of its entry), and what
lies between two of them is read as one piece. Code that no table tells of is a piece as well.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import numpy as np

from whit.packer.elf import dynamic as program
from whit.packer.elf import gofunctions, gopclntab, symbols
from whit.packer.elf.machine import EM_AARCH64
from whit.packer.support.light import dataclass
from whit.packer.syscalls import unwinding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whit.packer.elf.file import ElfFile
    from whit.packer.elf.gofunctions import Functions
    from whit.packer.syscalls.image import Image

    Numbers = NDArray[np.int64]

_ANY_NAME = "runtime.main"


@dataclass(frozen=True, slots=True)
class Names:
    """The symbol table's functions: their addresses, sorted, and where in the file their names stand."""

    elf: ElfFile
    addresses: array[int]
    places: array[int]

    def at(self, address: int) -> str:
        """The name of the function that begins there; empty if none does."""
        index = bisect_left(self.addresses, address)
        if index == len(self.addresses) or self.addresses[index] != address:
            return ""
        return self.elf.text_at(self.places[index]) or ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """``starts`` are addresses in the code, sorted; ``told`` is 1 for those that a table names as a function's beginning.

    ``go`` are Go's functions, in ``go_range``.
    """

    starts: array[int]
    told: bytes
    names: Names
    go: Functions | None
    go_range: tuple[int, int]

    def piece(self, address: int) -> tuple[int, int] | None:
        """The piece of code around an address; its end is the next one's beginning."""
        index = bisect_right(self.starts, address) - 1
        return (self.starts[index], self.starts[index + 1]) if 0 <= index < len(self.starts) - 1 else None

    def tells_of(self, address: int) -> bool:
        """Whether a table names the address as a function's beginning."""
        index = bisect_left(self.starts, address)
        return index < len(self.starts) and self.starts[index] == address and bool(self.told[index])

    def is_go(self, address: int) -> bool:
        """Whether Go's compiler or assembler made the instruction there."""
        return self.go_range[0] <= address < self.go_range[1]

    def name(self, address: int) -> str:
        """The name of the function there; empty if nothing tells it."""
        if self.go is not None and self.is_go(address):
            return self.go.holding(address)
        piece = self.piece(address)
        return self.names.at(piece[0]) if piece else ""


def bounds_of(image: Image) -> Bounds:
    """Where functions begin, as far as the file's tables tell."""
    names = _symbols(image.elf)
    go = _go(image.elf)
    go_starts = np.asarray(go.starts, dtype=np.int64) + go.base if go else np.empty(0, dtype=np.int64)
    symbols = np.frombuffer(names.addresses, dtype=np.int64)
    entry = np.array([image.elf.entry], dtype=np.uint64).view(np.int64)
    told = np.concatenate([symbols, go_starts, unwinding.beginnings(image.elf), entry])
    told = _distinct(told - told % _grain(image.elf))
    inside = np.zeros(len(told), dtype=bool)
    for part in image.code:
        inside |= (told >= part.start) & (told < part.end)
    told = told[inside]
    edges = np.array([edge for part in image.code for edge in (part.start, part.end)], dtype=np.int64)
    starts = _distinct(np.concatenate([told, edges]))
    is_told = np.zeros(len(starts), dtype=np.uint8)
    is_told[np.searchsorted(starts, told)] = 1
    image.let_go()
    return Bounds(
        array("Q", starts.tobytes()),
        is_told.tobytes(),
        names,
        go,
        (int(go_starts[0]), int(go_starts[-1]) + 1) if len(go_starts) else (0, 0),
    )


def _distinct(numbers: Numbers) -> Numbers:
    """Sorted. (numpy's own function, np.unique, loads numpy.ma first, which takes 12 ms.)"""
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    distinct: Numbers = ordered[first]
    return distinct


def _grain(elf: ElfFile) -> int:
    """What instructions' addresses are multiples of."""
    return 4 if elf.machine == EM_AARCH64 else 1


def _symbols(elf: ElfFile) -> Names:
    addresses, places = array("Q"), array("Q")
    table = symbols.table(elf)
    if table is not None:
        start = elf.sections[table.link].offset
        for index, offset in symbols.functions(elf, table):
            addresses.append(elf.unpack("Q", offset + 8, "a symbol")[0])
            places.append(start + index)
    order = np.argsort(np.frombuffer(addresses, dtype=np.uint64), kind="stable")
    both = (np.frombuffer(one, dtype=np.uint64)[order] for one in (addresses, places))
    return Names(elf, *(array("Q", one.tobytes()) for one in both))


def _go(elf: ElfFile) -> Functions | None:
    table = gopclntab.find(elf)
    if table is None:
        return None
    _, places = gopclntab.placed(elf, table, frozenset(), frozenset({_ANY_NAME}))
    return gofunctions.find(elf, table, program.dynamic(elf), places)
