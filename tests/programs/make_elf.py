"""Makes ELF files byte by byte, for what no compiler here would write: other machines, old layouts, hostile headers."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

LOAD, DYNAMIC, INTERP, NOTE = 1, 2, 3, 4
EXECUTE, WRITE, READ = 1, 2, 4
REL, EXEC, DYN, CORE = 1, 2, 3, 4
BASE = 0x400000
CODE = b"\x90" * 64


@dataclass(frozen=True)
class Segment:
    """Stands at ``address`` in memory, which is BASE plus its place in the file unless told otherwise."""

    content: bytes
    type: int = LOAD
    flags: int = READ
    address: int | None = None
    memory_size: int | None = None


@dataclass(frozen=True)
class Section:
    """A section with content of its own, not loaded."""

    name: str
    content: bytes
    type: int = 1
    flags: int = 0
    link: int = 0


@dataclass(frozen=True)
class Elf:
    """A little-endian 64-bit x86-64 executable whose first segment is code, unless told otherwise."""

    segments: tuple[Segment, ...] = (Segment(CODE, flags=READ | EXECUTE),)
    sections: tuple[Section, ...] = ()
    bits: int = 64
    order: str = "<"
    machine: int = 62
    type: int = EXEC
    abi: int = 0
    flags: int = 0
    entry: int | None = None

    def with_segments(self, *more: Segment) -> Elf:
        """The same with more segments at its end."""
        return replace(self, segments=(*self.segments, *more))

    @property
    def word(self) -> str:
        """struct's format of an address."""
        return self.order + ("Q" if self.bits == 64 else "I")

    @property
    def offsets(self) -> list[int]:
        """Where each segment's content will stand in the file."""
        at = (64 + 56 * len(self.segments)) if self.bits == 64 else (52 + 32 * len(self.segments))
        offsets = []
        for segment in self.segments:
            at = (at + 15) // 16 * 16
            offsets.append(at)
            at += len(segment.content)
        return offsets

    def address(self, index: int) -> int:
        """Where a segment will stand in memory."""
        given = self.segments[index].address
        return BASE + self.offsets[index] if given is None else given

    def build(self) -> bytes:
        """The file."""
        wide = self.bits == 64
        image = bytearray(self._header(0, 0) + b"".join(self._program_header(i) for i in range(len(self.segments))))
        for offset, segment in zip(self.offsets, self.segments, strict=True):
            image.extend(bytes(offset - len(image)) + segment.content)
        if self.sections:
            names = b"\0" + b"".join(section.name.encode() + b"\0" for section in self.sections) + b".shstrtab\0"
            table, name_at = [bytes(64 if wide else 40)], 1
            for section in (*self.sections, Section(".shstrtab", names, 3)):
                table.append(self._section_header(section, name_at, len(image)))
                name_at += len(section.name) + 1
                image.extend(section.content)
            header = self._header(len(image), len(table))
            image[: len(header)] = header
            image.extend(b"".join(table))
        return bytes(image)

    def _header(self, section_table: int, sections: int) -> bytes:
        wide = self.bits == 64
        identification = b"\x7fELF" + bytes([2 if wide else 1, 1 if self.order == "<" else 2, 1, self.abi]) + bytes(8)
        entry = self.address(0) if self.entry is None and self.segments else self.entry or 0
        sizes = (64, 56, 64) if wide else (52, 32, 40)
        return identification + struct.pack(
            self.order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"),
            self.type,
            self.machine,
            1,
            entry,
            sizes[0],
            section_table,
            self.flags,
            sizes[0],
            sizes[1],
            len(self.segments),
            sizes[2],
            sections,
            max(sections - 1, 0),
        )

    def _program_header(self, index: int) -> bytes:
        segment, offset, address = self.segments[index], self.offsets[index], self.address(index)
        size = len(segment.content)
        memory = size if segment.memory_size is None else segment.memory_size
        if self.bits == 64:
            fields = (segment.type, segment.flags, offset, address, address, size, memory, 16)
            return struct.pack(f"{self.order}IIQQQQQQ", *fields)
        fields = (segment.type, offset, address, address, size, memory, segment.flags, 16)
        return struct.pack(f"{self.order}IIIIIIII", *fields)

    def _section_header(self, section: Section, name_at: int, offset: int) -> bytes:
        layout = self.order + ("IIQQQQIIQQ" if self.bits == 64 else "IIIIIIIIII")
        size = len(section.content)
        return struct.pack(layout, name_at, section.type, section.flags, 0, offset, size, section.link, 0, 1, 0)


def dynamic_segment(elf: Elf, strings: bytes, *entries: tuple[int, int]) -> Elf:
    """``elf`` with a string table and a dynamic section of ``entries`` (tag, value), each at its end."""
    with_strings = elf.with_segments(Segment(strings))
    table = [(5, with_strings.address(len(elf.segments))), (10, len(strings)), *entries, (0, 0)]
    for _ in range(2):
        content = b"".join(struct.pack(elf.word[0] + elf.word[1] * 2, tag, value) for tag, value in table)
        whole = with_strings.with_segments(Segment(content, DYNAMIC))
        table[0] = (5, whole.address(len(elf.segments)))
    return whole


def note(owner: str, kind: int, content: bytes, order: str = "<") -> bytes:
    """One note."""
    name = owner.encode() + b"\0"
    return (
        struct.pack(f"{order}III", len(name), len(content), kind) + name.ljust(-(-len(name) // 4) * 4, b"\0") + content
    )


def without_sections(data: bytes) -> bytes:
    """The same file with its section table forgotten, as sstrip leaves it."""
    order = "<" if data[5] == 1 else ">"
    changed = bytearray(data)
    if data[4] == 2:
        struct.pack_into(f"{order}Q", changed, 40, 0)
        struct.pack_into(f"{order}HH", changed, 60, 0, 0)
    else:
        struct.pack_into(f"{order}I", changed, 32, 0)
        struct.pack_into(f"{order}HH", changed, 48, 0, 0)
    return bytes(changed)
