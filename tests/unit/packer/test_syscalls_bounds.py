"""Where functions begin, as the unwinder's records tell; and images of which no references could be kept."""

from __future__ import annotations

import random
import struct
from dataclasses import replace

import pytest

from tests.programs.make_elf import EXECUTE, READ, Elf, Section, Segment
from whit.packer.elf.file import ElfFile, parse
from whit.packer.support.errors import UnsupportedError
from whit.packer.syscalls.analyse import find
from whit.packer.syscalls.unwinding import beginnings

CALL = bytes.fromhex("b827000000 0f05 c3")  # mov eax, 39; syscall; ret
RELATIVE = 0x1B
TABLE = 0x6474_E550
"""PT_GNU_EH_FRAME."""


def _record(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


def _common(words: bytes, augmentation: bytes) -> bytes:
    """Version 1; factors 1 and -8; the return address in register 16; what ``words`` are about."""
    return _record(bytes(4) + b"\1" + words + b"\0\1\x78\x10" + bytes([len(augmentation)]) + augmentation)


def _function(at: int, distance: int) -> bytes:
    """The record, at ``at``, of a function that begins so many bytes behind the record; the common one is the first of all."""
    return _record(struct.pack("<Iii", at + 4, distance - 8, 16) + bytes(8))


def _read(records: bytes) -> ElfFile:
    return parse(Elf(sections=(Section(".eh_frame", records),)).build())


def _beginnings(records: bytes) -> list[int]:
    """Counted from the records' first byte."""
    elf = _read(records)
    section = elf.section(".eh_frame")
    assert section is not None
    return [int(start) - section.address for start in beginnings(elf)]


def test_functions_begin_where_the_unwinders_records_say() -> None:
    common = _common(b"zR", bytes([RELATIVE]))
    first = _function(len(common), 0x1000)
    second = _function(len(common) + len(first), 0x2000)

    assert _beginnings(common + first + second + bytes(4)) == [
        len(common) + 0x1000,
        len(common) + len(first) + 0x2000,
    ]


def test_a_handlers_return_begins_a_byte_later_than_it_is_said() -> None:
    common = _common(b"zRS", bytes([RELATIVE]))

    assert _beginnings(common + _function(len(common), 0xFFF) + bytes(4)) == [len(common) + 0x1000]


def test_damaged_records_end_in_fewer_functions() -> None:
    common = _common(b"zR", bytes([RELATIVE]))
    whole = common + _function(len(common), 0x1000) + bytes(4)
    chance = random.Random(7)

    for _ in range(500):
        damaged = bytearray(whole[: chance.randrange(len(whole))])
        for _ in range(3):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        assert len(beginnings(_read(bytes(damaged)))) <= 1


def test_a_table_at_an_address_that_no_program_has_is_passed_over() -> None:
    """A byte changed in the program's header was a traceback."""
    header = bytes((1, RELATIVE, 3, 0x3B)) + struct.pack("<iIii", 0, 1, 16, 16)
    table = Segment(header, TABLE, address=0xFF00_0000_0000_0000)

    assert find(Elf(segments=(Segment(CALL, flags=READ | EXECUTE), table)).build()).numbers == {39}


def test_segments_that_are_too_far_apart_are_refused_in_words() -> None:
    near = Elf(segments=(Segment(CALL, flags=READ | EXECUTE),))
    far = replace(near, segments=(*near.segments, Segment(bytes(8), address=1 << 40)))

    assert find(near.build()).numbers == {39}
    with pytest.raises(UnsupportedError, match="4 GB"):
        find(far.build())
