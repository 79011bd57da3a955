"""What the program headers say beyond what is mapped: interpreter, dynamic section, notes. Pure.

gABI, chapter 5 (Dynamic Section, Note Section); Linux extensions: DF_1_PIE (binutils), .note.ABI-tag (LSB).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from whit.packer.elf.file import MAX_NAME, SegmentType, truncated
from whit.packer.support.errors import InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.file import ElfFile, Segment

MAX_DYNAMIC_ENTRIES = 8192
MAX_LIBRARIES = 1024
MAX_PATHS = 65536
"""The longest list of search paths, in bytes."""

MAX_NOTE_BYTES = 65536
MAX_NOTE_SEGMENTS = 16

DF_1_PIE = 0x08000000


class Tag(IntEnum):
    """d_tag, those that matter here."""

    NULL = 0
    NEEDED = 1
    HASH = 4
    STRTAB = 5
    SYMTAB = 6
    RELA = 7
    RELASZ = 8
    STRSZ = 10
    SONAME = 14
    RPATH = 15
    DEBUG = 21
    TEXTREL = 22
    JMPREL = 23
    BIND_NOW = 24
    RUNPATH = 29
    FLAGS = 30
    GNU_HASH = 0x6FFFFEF5
    VERSYM = 0x6FFFFFF0
    FLAGS_1 = 0x6FFFFFFB
    VERDEF = 0x6FFFFFFC
    VERDEFNUM = 0x6FFFFFFD
    VERNEED = 0x6FFFFFFE
    VERNEEDNUM = 0x6FFFFFFF
    AUXILIARY = 0x7FFFFFFD
    FILTER = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Dynamic:
    """The dynamic section: libraries in file order, the first value of each other tag.

    ``rpath`` and ``runpath`` are as they stand there, with their colons and ``$ORIGIN``; ``filters`` are the libraries
    that this one stands for (DT_FILTER, DT_AUXILIARY) with whether it can do without.
    """

    libraries: tuple[str, ...] = ()
    soname: str | None = None
    values: dict[int, int] = field(default_factory=dict)
    rpath: str | None = None
    runpath: str | None = None
    filters: tuple[tuple[str, bool], ...] = ()

    def place(self, elf: ElfFile, tag: Tag) -> int | None:
        """The file offset of the table that a tag gives the address of, if there is one."""
        return elf.offset_of(self.values[tag]) if tag in self.values else None

    @property
    def is_executable(self) -> bool:
        """Whether the linker marked this as a program: with DF_1_PIE, or the DT_DEBUG that it gives to programs."""
        return bool(self.values.get(Tag.FLAGS_1, 0) & DF_1_PIE) or Tag.DEBUG in self.values


@dataclass(frozen=True, slots=True)
class Note:
    """One note; ``offset`` is where it begins in the file."""

    owner: str
    type: int
    content: bytes
    offset: int


def interpreter(elf: ElfFile) -> str | None:
    """PT_INTERP's path. InvalidFileError if the kernel would refuse it (fs/binfmt_elf.c, load_elf_binary)."""
    segment = _first(elf, SegmentType.INTERP)
    if segment is None:
        return None
    end = segment.offset + segment.size
    if end > len(elf.data):
        raise truncated("the interpreter's path", end, len(elf.data))
    if not 2 <= segment.size <= MAX_NAME or elf.data[end - 1] != 0:  # noqa: PLR2004 - at least "x\0"
        raise InvalidFileError("not a valid ELF file: the interpreter's path is empty or endless")
    return elf.data[segment.offset : end].split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def dynamic(elf: ElfFile) -> Dynamic | None:
    """The dynamic section, None if there is none."""
    segment = _first(elf, SegmentType.DYNAMIC)
    if segment is None:
        return None
    if segment.offset + segment.size > len(elf.data):
        raise truncated("the dynamic section", segment.offset + segment.size, len(elf.data))
    entries = list(_entries(elf, segment))
    values: dict[int, int] = {}
    for tag, value in entries:
        values.setdefault(tag, value)
    if sum(tag == Tag.NEEDED for tag, _ in entries) > MAX_LIBRARIES:
        raise InvalidFileError(f"not a valid ELF file: the dynamic section names more than {MAX_LIBRARIES} libraries")
    names = elf.offset_of(values[Tag.STRTAB]) if Tag.STRTAB in values else None

    def text(tag: Tag) -> str | None:
        return _name(elf, names, values[tag], may_be_empty=tag is not Tag.SONAME) if tag in values else None

    return Dynamic(
        libraries=tuple(_name(elf, names, value) for tag, value in entries if tag == Tag.NEEDED),
        soname=text(Tag.SONAME),
        values=values,
        rpath=text(Tag.RPATH),
        runpath=text(Tag.RUNPATH),
        filters=tuple(
            (_name(elf, names, value), tag == Tag.AUXILIARY)
            for tag, value in entries
            if tag in (Tag.AUXILIARY, Tag.FILTER)
        )[:MAX_LIBRARIES],
    )


def _entries(elf: ElfFile, segment: Segment) -> Iterator[tuple[int, int]]:
    layout = struct.Struct(elf.order + elf.word[1] * 2)
    size = min(segment.size - segment.size % layout.size, MAX_DYNAMIC_ENTRIES * layout.size)
    for tag, value in layout.iter_unpack(elf.data[segment.offset : segment.offset + size]):
        if tag == Tag.NULL:
            return
        yield tag, value


def _name(elf: ElfFile, names: int | None, index: int, *, may_be_empty: bool = False) -> str:
    text = None if names is None else elf.text_at(names + index, MAX_PATHS if may_be_empty else MAX_NAME)
    if text is None or not (text or may_be_empty):
        raise InvalidFileError("not a valid ELF file: the dynamic section names a library outside its string table")
    return text


def notes(elf: ElfFile) -> tuple[Note, ...]:
    """All notes of the PT_NOTE segments; a broken one ends its segment, as it does for the kernel."""
    segments = [segment for segment in elf.segments if segment.type == SegmentType.NOTE]
    return tuple(note for segment in segments[:MAX_NOTE_SEGMENTS] for note in _notes_of(elf, segment))


def _notes_of(elf: ElfFile, segment: Segment) -> Iterator[Note]:
    at = segment.offset
    end = min(segment.offset + min(segment.size, MAX_NOTE_BYTES), len(elf.data))
    while at + 12 <= end:
        name_size, content_size, kind = elf.unpack("III", at, "a note")
        content = at + 12 + _aligned(name_size)
        if content + content_size > end:
            return
        owner = elf.data[at + 12 : at + 12 + name_size].rstrip(b"\0").decode("latin-1")
        yield Note(owner, kind, elf.data[content : content + content_size], at)
        at = content + _aligned(content_size)


def _aligned(size: int) -> int:
    return (size + 3) & ~3


def _first(elf: ElfFile, kind: SegmentType) -> Segment | None:
    return next((segment for segment in elf.segments if segment.type == kind), None)
