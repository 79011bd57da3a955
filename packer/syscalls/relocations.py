"""The words of an executable that the loader, or the program's own start, fills in. Pure."""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whit.packer.elf.dynamic import Tag
from whit.packer.elf.machine import EM_AARCH64
from whit.packer.syscalls.locations import signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from whit.packer.elf.dynamic import Dynamic
    from whit.packer.elf.file import ElfFile

    Numbers = NDArray[np.int64]

_ROW = np.dtype([("address", "<u8"), ("info", "<u8"), ("addend", "<i8")])
"""Elf64_Rela."""

_MOST_ROWS = 1 << 15
"""Rows that are read at once."""

_SYMBOL = struct.Struct("<IBBHQQ")
_PLTRELSZ, _RELRSZ, _RELR = 2, 35, 36
_RELATIVE = {EM_AARCH64: 1027}
_BY_SYMBOL = {EM_AARCH64: (257, 1025, 1026)}
_X86_RELATIVE, _X86_BY_SYMBOL = 8, (1, 6, 7)
_MAX_RELR_WORDS = 1 << 20


@dataclass(frozen=True, slots=True)
class Relocated:
    """``places``: addresses of the relocated words, sorted; ``values``: what each holds, before the shift."""

    places: array[int]
    values: array[int]

    def at(self, address: int) -> int | None:
        """What the word there holds; None if it isn't relocated."""
        index = bisect_left(self.places, address)
        return self.values[index] if index < len(self.places) and self.places[index] == address else None


def relocated(elf: ElfFile, dynamic: Dynamic | None) -> Relocated:
    """The words that hold addresses of the image itself."""
    found = [(_none(), _none()), *(() if dynamic is None else _found(elf, dynamic))]
    places, values = (np.concatenate([pair[which] for pair in found]) for which in (0, 1))
    order = np.argsort(places, kind="stable")
    places, values = places[order], values[order]
    last = np.ones(len(places), dtype=bool)
    last[:-1] = places[1:] != places[:-1]
    return Relocated(array("q", places[last].tobytes()), array("q", values[last].tobytes()))


def _none() -> Numbers:
    return np.empty(0, dtype=np.int64)


def _found(elf: ElfFile, dynamic: Dynamic) -> Iterator[tuple[Numbers, Numbers]]:
    """(addresses, values), in the loader's order: the last of an address counts."""
    relative = _RELATIVE.get(elf.machine, _X86_RELATIVE)
    by_symbol = _BY_SYMBOL.get(elf.machine, _X86_BY_SYMBOL)
    symbols = dynamic.place(elf, Tag.SYMTAB)
    for table, size in ((Tag.RELA, Tag.RELASZ), (Tag.JMPREL, _PLTRELSZ)):
        for rows in _rows(elf, dynamic, table, size):
            kinds = rows["info"] & np.uint64(0xFFFF_FFFF)
            values = rows["addend"].astype(np.int64)
            named = np.isin(kinds, np.array(by_symbol, dtype=np.uint64)) & (symbols is not None)
            for row in np.nonzero(named)[0].tolist():
                whole = _symbol_value(elf, symbols or 0, int(rows["info"][row]) >> 32) + int(values[row])
                values[row] = signed(whole)
            wanted = named | (kinds == relative)
            yield rows["address"][wanted].astype(np.int64), values[wanted]
    places = np.fromiter(_relr(elf, dynamic), dtype=np.int64)
    offsets = [elf.offset_of(place) for place in places.tolist()]
    there = [at is not None and at + 8 <= len(elf.data) for at in offsets]
    words = [
        signed(elf.word_at(at, "a relocated word")) for at in offsets if at is not None and at + 8 <= len(elf.data)
    ]
    yield places[np.array(there, dtype=bool)], np.array(words, dtype=np.int64)


def _rows(elf: ElfFile, dynamic: Dynamic, table: Tag, size: int) -> Iterator[np.ndarray[tuple[int], np.dtype[np.void]]]:
    start = dynamic.place(elf, table)
    if start is None:
        return
    end = min(start + dynamic.values.get(size, 0), len(elf.data))
    end -= (end - start) % _ROW.itemsize
    for at in range(start, end, _MOST_ROWS * _ROW.itemsize):
        yield np.frombuffer(elf.data[at : min(at + _MOST_ROWS * _ROW.itemsize, end)], dtype=_ROW)


def _symbol_value(elf: ElfFile, symbols: int, index: int) -> int:
    at = symbols + index * _SYMBOL.size
    return int(_SYMBOL.unpack_from(elf.data, at)[4]) if at + _SYMBOL.size <= len(elf.data) else 0


def _relr(elf: ElfFile, dynamic: Dynamic) -> Iterator[int]:
    """The addresses of a table in which an even word is an address and an odd one a bitmap of the 63 words after."""
    start = elf.offset_of(dynamic.values.get(_RELR, 0))
    if _RELR not in dynamic.values or start is None:
        return
    end = min(start + min(dynamic.values.get(_RELRSZ, 0) // 8, _MAX_RELR_WORDS) * 8, len(elf.data) - len(elf.data) % 8)
    at = 0
    for (word,) in struct.iter_unpack("<Q", elf.data[start : start + (end - start) // 8 * 8]):
        if word & 1:
            yield from (at + 8 * bit for bit in range(63) if word >> (bit + 1) & 1)
            at += 63 * 8
        else:
            yield word
            at = word + 8
