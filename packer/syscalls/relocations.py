"""The words of an executable that the loader, or the program's own start, fills in. Pure."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from whit.packer.elf.dynamic import Tag
from whit.packer.elf.machine import EM_AARCH64
from whit.packer.support.errors import InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.dynamic import Dynamic
    from whit.packer.elf.file import ElfFile

_RELA = struct.Struct("<QQq")
_SYMBOL = struct.Struct("<IBBHQQ")
_PLTRELSZ, _RELRSZ, _RELR = 2, 35, 36
_RELATIVE = {EM_AARCH64: 1027}
_BY_SYMBOL = {EM_AARCH64: frozenset({257, 1025, 1026})}
_X86_RELATIVE, _X86_BY_SYMBOL = 8, frozenset({1, 6, 7})
_MAX_RELR_WORDS = 1 << 20


def relocated(elf: ElfFile, dynamic: Dynamic | None) -> dict[int, int]:
    """Address → value, of those that hold addresses of the image itself."""
    return dict(relocations(elf, dynamic))


def relocations(elf: ElfFile, dynamic: Dynamic | None) -> Iterator[tuple[int, int]]:
    """(address, value), in the loader's order: the last of an address counts. Raises :class:`InvalidFileError` for more than a file has."""
    if dynamic is None:
        return
    relative = _RELATIVE.get(elf.machine, _X86_RELATIVE)
    by_symbol = _BY_SYMBOL.get(elf.machine, _X86_BY_SYMBOL)
    symbols = dynamic.place(elf, Tag.SYMTAB)
    for table, size in ((Tag.RELA, Tag.RELASZ), (Tag.JMPREL, _PLTRELSZ)):
        for address, info, addend in _rows(elf, dynamic, table, size):
            if info & 0xFFFF_FFFF == relative:
                yield address, addend
            elif info & 0xFFFF_FFFF in by_symbol and symbols is not None:
                yield address, _symbol_value(elf, symbols, info >> 32) + addend
    most = len(elf.data) // 8
    for number, address in enumerate(_relr(elf, dynamic)):
        if number > most:
            raise InvalidFileError("not a valid ELF file: it relocates more words than it has")
        offset = elf.offset_of(address)
        if offset is not None and offset + 8 <= len(elf.data):
            yield address, elf.word_at(offset, "a relocated word")


def _rows(elf: ElfFile, dynamic: Dynamic, table: Tag, size: int) -> Iterator[tuple[int, int, int]]:
    start = dynamic.place(elf, table)
    if start is None:
        return
    end = min(start + dynamic.values.get(size, 0), len(elf.data))
    yield from _RELA.iter_unpack(elf.data[start : end - (end - start) % _RELA.size])


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
