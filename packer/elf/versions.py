"""Symbol versions: which an object asks of its libraries, and which a library has. Pure.

LSB Core, "Symbol Versioning": SHT_GNU_verneed and SHT_GNU_verdef, found here as the loader finds them, by DT_VERNEED and
DT_VERDEF.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.elf.dynamic import Tag
from whit.packer.support.errors import InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.dynamic import Dynamic
    from whit.packer.elf.file import ElfFile

MAX_LINKS = 16384
"""The most entries that are read of one table: a hostile one may lead in circles."""

_WEAK = 2
"""VER_FLG_WEAK: the program starts without it."""


@dataclass(frozen=True, slots=True)
class VersionNeed:
    """A version that the object asks of ``library`` (a name as in DT_NEEDED)."""

    library: str
    version: str
    weak: bool = False


def needed_versions(elf: ElfFile, dynamic: Dynamic) -> tuple[VersionNeed, ...]:
    """What .gnu.version_r asks for. InvalidFileError for a table that leads out of the file."""
    return tuple(_needed(elf, dynamic))


def defined_versions(elf: ElfFile, dynamic: Dynamic) -> frozenset[str] | None:
    """The versions that .gnu.version_d names; None for an object without: the loader then checks nothing."""
    at = dynamic.place(elf, Tag.VERDEF)
    if at is None:
        return None
    strings = _strings(elf, dynamic)
    found = set()
    for entry in _chain(elf, at, dynamic.values.get(Tag.VERDEFNUM, 0), "HHHHIII"):
        auxiliary = entry.at + entry.fields[5]
        name, _ = elf.unpack("II", auxiliary, "a version's name")
        found.add(_text(elf, strings + name))
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class _Entry:
    at: int
    fields: tuple[int, ...]


def _needed(elf: ElfFile, dynamic: Dynamic) -> Iterator[VersionNeed]:
    at = dynamic.place(elf, Tag.VERNEED)
    if at is None:
        return
    strings = _strings(elf, dynamic)
    left = MAX_LINKS
    for entry in _chain(elf, at, dynamic.values.get(Tag.VERNEEDNUM, 0), "HHIII"):
        _, count, file, auxiliary, _ = entry.fields
        library = _text(elf, strings + file)
        for version in _chain(elf, entry.at + auxiliary, min(count, left), "IHHII"):
            left -= 1
            _, flags, _, name, _ = version.fields
            yield VersionNeed(library, _text(elf, strings + name), bool(flags & _WEAK))


def _chain(elf: ElfFile, at: int, count: int, layout: str) -> Iterator[_Entry]:
    """The entries of a list in which each one's last field is the distance to the next, 0 at the end."""
    for _ in range(min(count, MAX_LINKS)):
        fields = elf.unpack(layout, at, "a version table")
        yield _Entry(at, fields)
        if not fields[-1]:
            return
        at += fields[-1]


def _strings(elf: ElfFile, dynamic: Dynamic) -> int:
    at = dynamic.place(elf, Tag.STRTAB)
    if at is None:
        raise InvalidFileError("not a valid ELF file: symbol versions without a string table")
    return at


def _text(elf: ElfFile, at: int) -> str:
    text = elf.text_at(at)
    if text is None:
        raise InvalidFileError("not a valid ELF file: a symbol version's name lies outside the file")
    return text
