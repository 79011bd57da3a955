"""ELF headers: what the kernel reads must be right, what it doesn't read may be absent."""

from __future__ import annotations

import io
import struct

import pytest
from elftools.elf.elffile import ELFFile

from tests.programs.build import build
from tests.programs.make_elf import BASE, CODE, EXECUTE, READ, Elf, Section, Segment
from whit.packer.elf.file import parse
from whit.packer.support.errors import InvalidFileError


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [32, 64])
def test_both_classes_and_byte_orders_are_read_alike(bits: int, order: str) -> None:
    built = Elf(bits=bits, order=order, machine=0x1234, flags=0x77, abi=3).build()

    elf = parse(built)

    assert (elf.bits, elf.order, elf.machine, elf.flags, elf.abi, elf.type) == (bits, order, 0x1234, 0x77, 3, 2)
    (segment,) = elf.segments
    assert (segment.type, segment.flags, segment.size) == (1, READ | EXECUTE, len(CODE))
    assert segment.address == BASE + segment.offset == elf.entry
    assert elf.offset_of(elf.entry + 5) == segment.offset + 5
    assert elf.offset_of(elf.entry + len(CODE)) is None


@pytest.mark.parametrize("size", [4, 15, 16, 63, 64, 100])
def test_a_file_cut_within_its_headers_says_what_is_cut(size: int) -> None:
    with pytest.raises(InvalidFileError, match=r"truncated ELF file: the .* ends at byte .*, the file has"):
        parse(Elf().build()[:size])


@pytest.mark.parametrize(("index", "value"), [(4, 0), (4, 3), (5, 0), (5, 9), (6, 0), (6, 2)])
def test_an_unknown_class_byte_order_or_version_is_refused(index: int, value: int) -> None:
    data = bytearray(Elf().build())
    data[index] = value

    with pytest.raises(InvalidFileError, match="not a valid ELF file: class"):
        parse(bytes(data))


def test_program_headers_of_another_size_are_refused_as_by_the_kernel() -> None:
    data = bytearray(Elf().build())
    struct.pack_into("<H", data, 54, 57)

    with pytest.raises(InvalidFileError, match="program headers of 57 bytes"):
        parse(bytes(data))


def test_more_program_headers_than_the_kernel_takes_are_refused() -> None:
    data = bytearray(Elf().build())
    struct.pack_into("<H", data, 56, 1171)

    with pytest.raises(InvalidFileError, match="1171 program headers"):
        parse(bytes(data))


@pytest.mark.parametrize(
    ("offset", "layout", "value"),
    [(40, "<Q", 1 << 62), (58, "<H", 63), (60, "<H", 9000), (62, "<H", 99), (40, "<Q", 0)],
    ids=["beyond the end", "odd size", "too many", "no names", "none"],
)
def test_a_broken_section_table_is_taken_as_absent(offset: int, layout: str, value: int) -> None:
    data = bytearray(Elf(sections=(Section(".comment", b"x"),)).build())
    struct.pack_into(layout, data, offset, value)

    elf = parse(bytes(data))

    assert elf.sections == ()
    assert len(elf.segments) == 1


def test_sections_are_found_by_name() -> None:
    elf = parse(Elf(sections=(Section(".comment", b"made by hand"), Section(".other", b"more"))).build())

    section = elf.section(".comment")

    assert section is not None
    assert elf.data[slice(*section.span)] == b"made by hand"
    assert elf.section(".absent") is None


def test_overlapping_segments_are_counted_once() -> None:
    built = Elf((Segment(CODE, flags=READ | EXECUTE), Segment(CODE), Segment(CODE))).build()
    data = bytearray(built)
    first = struct.unpack_from("<Q", data, 64 + 8)[0]
    for index in (1, 2):
        struct.pack_into("<Q", data, 64 + 56 * index + 8, first + index)

    assert parse(bytes(data)).loaded_spans == ((first, first + len(CODE) + 2),)


@pytest.mark.peer("gcc")
@pytest.mark.parametrize("language", ["c-glibc", "c-dynamic"])
def test_headers_are_what_pyelftools_reads(language: str) -> None:
    data = build("hello", language).read_bytes()
    oracle = ELFFile(io.BytesIO(data))

    elf = parse(data)

    assert [(s.type, s.offset, s.address, s.size) for s in elf.loads] == [
        (1, s["p_offset"], s["p_vaddr"], s["p_filesz"]) for s in oracle.iter_segments("PT_LOAD")
    ]
    assert [(s.name, s.offset) for s in elf.sections[1:]] == [
        (s.name, s["sh_offset"]) for s in list(oracle.iter_sections())[1:]
    ]
    assert elf.entry == oracle["e_entry"]
