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
RELATIVE, ABSOLUTE, INDIRECT = 0x1B, 0x04, 0x9B


def _record(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


def _common(words: bytes, augmentation: bytes) -> bytes:
    """Version 1; factors 1 and -8; the return address in register 16; what ``words`` are about."""
    return _record(bytes(4) + b"\1" + words + b"\0\1\x78\x10" + bytes([len(augmentation)]) + augmentation)


def _function(at: int, pointer: bytes) -> bytes:
    """The record of a function that stands at ``at``, of which the common one is the first of all."""
    return _record(struct.pack("<I", at + 4) + pointer + bytes(8))


def _read(records: bytes) -> ElfFile:
    return parse(Elf(sections=(Section(".eh_frame", records),)).build())


def test_functions_begin_where_the_unwinders_records_say() -> None:
    common = _common(b"zR", bytes([ABSOLUTE]))
    first = _function(len(common), struct.pack("<Q", 0x401000))
    second = _function(len(common) + len(first), struct.pack("<Q", 0x402000))

    assert beginnings(_read(common + first + second + bytes(4))).tolist() == [0x401000, 0x402000]


def test_an_address_may_be_counted_from_where_it_stands() -> None:
    common = _common(b"zPLR", bytes([0x00]) + bytes(8) + bytes([0x1B, RELATIVE]))
    records = common + _function(len(common), struct.pack("<i", 0x100))
    elf = _read(records)
    section = elf.section(".eh_frame")

    assert section is not None
    assert beginnings(elf).tolist() == [section.address + len(common) + 8 + 0x100]


def test_a_handlers_return_begins_a_byte_later_than_it_is_said() -> None:
    common = _common(b"zRS", bytes([ABSOLUTE]))

    assert beginnings(_read(common + _function(len(common), struct.pack("<Q", 0xFFF)))).tolist() == [0x1000]


@pytest.mark.parametrize(
    ("words", "augmentation"), [(b"zR", bytes([INDIRECT])), (b"zX", b"\0"), (b"zR", b""), (b"zP", b"")]
)
def test_records_that_are_not_understood_tell_nothing(words: bytes, augmentation: bytes) -> None:
    common = _common(words, augmentation)
    found = beginnings(_read(common + _function(len(common), struct.pack("<Q", 0x401000)))).tolist()

    assert found == []


def test_damaged_records_end_in_fewer_functions() -> None:
    common = _common(b"zR", bytes([ABSOLUTE]))
    whole = common + _function(len(common), struct.pack("<Q", 0x401000)) + bytes(4)
    chance = random.Random(7)

    for _ in range(500):
        damaged = bytearray(whole[: chance.randrange(len(whole))])
        for _ in range(3):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        assert len(beginnings(_read(bytes(damaged)))) <= 1


def test_segments_that_are_too_far_apart_are_refused_in_words() -> None:
    near = Elf(segments=(Segment(CALL, flags=READ | EXECUTE),))
    far = replace(near, segments=(*near.segments, Segment(bytes(8), address=1 << 40)))

    assert find(near.build()).numbers == {39}
    with pytest.raises(UnsupportedError, match="4 GB"):
        find(far.build())
