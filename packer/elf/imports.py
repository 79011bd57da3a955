"""Which functions an object takes from others: the undefined names of its dynamic symbol table. Pure.

gABI, chapter 5 (Symbol Table). How many symbols there are stands in no header: DT_GNU_HASH begins with the number of
those that it doesn't hold, among which all undefined ones are; otherwise the table reaches to the next one.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from whit.packer.elf.dynamic import Tag

if TYPE_CHECKING:
    from whit.packer.elf.dynamic import Dynamic
    from whit.packer.elf.file import ElfFile

MAX_SYMBOLS = 1 << 20
MAX_NAMES = 1 << 26
"""Bytes of the string table, at most, in which names are sought."""

_TABLES = (Tag.STRTAB, Tag.HASH, Tag.GNU_HASH, Tag.VERSYM, Tag.VERNEED, Tag.VERDEF)


def imported(elf: ElfFile, dynamic: Dynamic, wanted: frozenset[bytes]) -> frozenset[str]:
    """Those of the wanted names that are undefined symbols; none where the tables can't be read."""
    symbols, names = (dynamic.place(elf, tag) for tag in (Tag.SYMTAB, Tag.STRTAB))
    if symbols is None or names is None:
        return frozenset()
    layout = struct.Struct(elf.order + ("IBBHQQ" if elf.bits == 64 else "IIIBBH"))  # noqa: PLR2004 - the class
    home = 3 if elf.bits == 64 else 5  # noqa: PLR2004
    room = (len(elf.data) - symbols) // layout.size
    count = min(_count(elf, dynamic), room, MAX_SYMBOLS)
    table = layout.iter_unpack(elf.data[symbols : symbols + count * layout.size])
    places = [fields[0] for fields in table if not fields[home] and fields[0]]
    if not places:
        return frozenset()
    longest = max(map(len, wanted), default=0) + 1
    text = elf.data[names : names + min(max(places), MAX_NAMES) + longest]
    ends = ((place, text.find(b"\0", place, place + longest)) for place in places)
    found = {text[place:end] for place, end in ends if end > place}
    return frozenset(name.decode("latin-1") for name in found & wanted)


def _count(elf: ElfFile, dynamic: Dynamic) -> int:
    """How many symbols must be read so that every undefined one is among them."""
    by_gnu_hash = dynamic.place(elf, Tag.GNU_HASH)
    if by_gnu_hash is not None and by_gnu_hash + 8 <= len(elf.data):
        # Of a program that exports nothing, linkers write an empty table, which says nothing of how many there are.
        first = elf.unpack("II", by_gnu_hash, "the hash table")[1]
        return first if first > 1 else _until_next_table(elf, dynamic)
    return _until_next_table(elf, dynamic)


def _until_next_table(elf: ElfFile, dynamic: Dynamic) -> int:
    """As many as there is room for before what follows: linkers leave no gap there."""
    start = dynamic.values[Tag.SYMTAB]
    following = [dynamic.values[tag] for tag in _TABLES if dynamic.values.get(tag, 0) > start]
    return (min(following) - start) // (24 if elf.bits == 64 else 16) if following else 0  # noqa: PLR2004
