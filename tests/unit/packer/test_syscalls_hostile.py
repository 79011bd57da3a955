"""Files that are made to take long: how much is done for each is bounded, and what isn't done is unknown."""

from __future__ import annotations

import random
import struct
from dataclasses import replace

import pytest

from tests.programs.make_elf import DYN, EXECUTE, READ, WRITE, Elf, Segment, dynamic_segment
from whit.packer.elf.machine import EM_AARCH64
from whit.packer.support.errors import InvalidFileError
from whit.packer.syscalls.aliases import apart
from whit.packer.syscalls.analyse import find
from whit.packer.syscalls.arm64.decode import decode
from whit.packer.syscalls.arm64.machine import Arm64
from whit.packer.syscalls.effort import Effort
from whit.packer.syscalls.locations import Register
from whit.packer.syscalls.sites import MOST

ENTRY = bytes.fromhex("0f05")
OLD_ENTRY = bytes.fromhex("cd80")
TOO_MANY_PLACES = "more places enter the kernel than are looked at"
TOO_MANY_WAYS = "too many ways lead to it"

RELR, RELR_SIZE = 36, 35
"""DT_RELR, DT_RELRSZ."""

SVC = 0xD400_0001
BRANCH_TO_X0 = 0xD61F_0000
ELEMENT = 0xF868_7900  # ldr x0, [x8, x8, lsl #3]


def _x86(code: bytes) -> bytes:
    return Elf(segments=(Segment(code, flags=READ | EXECUTE),)).build()


def _arm(words: list[int]) -> bytes:
    code = struct.pack(f"<{len(words)}I", *words)
    return replace(Elf(segments=(Segment(code, flags=READ | EXECUTE),)), machine=EM_AARCH64).build()


def _reasons(program: bytes) -> set[str]:
    return {lack.reason for lack in find(program).unknown}


@pytest.mark.parametrize("entry", [ENTRY, OLD_ENTRY])
def test_of_more_places_than_any_program_has_the_rest_is_unknown(entry: bytes) -> None:
    """A megabyte of them took 13 s and 424 MB."""
    found = find(_x86((bytes.fromhex("b801000000") + entry) * (2 * MOST)))

    assert len(found.entries) + len(found.foreign) == MOST
    assert TOO_MANY_PLACES in {lack.reason for lack in found.unknown}


def test_jumps_whose_tables_are_looked_for_far_above_are_given_up() -> None:
    """Each of 80,000 was looked for in 3,000 instructions: minutes."""
    assert TOO_MANY_WAYS in _reasons(_arm([BRANCH_TO_X0, SVC, ELEMENT] * 12_000))


def test_pages_of_which_a_register_may_hold_thousands_are_given_up() -> None:
    """What registers may hold was followed through 60,000 blocks, with as many pages: minutes, and gigabytes."""
    chance = random.Random(5)
    words = []
    for _ in range(40_000):
        adrp = 0x9000_0000 | chance.randrange(1 << 19) << 5 | chance.randrange(31)
        cbz = 0xB400_0000 | (chance.randrange(-(1 << 15), 1 << 15) & 0x7_FFFF) << 5
        load = 0xF940_0000 | chance.randrange(31) << 5 | 8
        words.append(chance.choice((adrp, cbz, load, SVC)))

    assert TOO_MANY_WAYS in _reasons(_arm(words))


def test_a_tables_address_that_goes_through_endless_registers_is_not_understood() -> None:
    """It was followed by as many calls within calls: a traceback."""
    moves = bytes.fromhex("4889c8 4889c1") * 1500  # mov rax, rcx; mov rcx, rax
    jump = bytes.fromhex("ff24d0")  # jmp [rax+rdx*8]

    found = find(_x86(moves + jump + ENTRY))

    assert not found.complete


def test_a_program_that_relocates_more_words_than_it_has_is_refused() -> None:
    """A megabyte that says so eight million times took 19 s and 358 MB."""
    address = 0
    for _ in range(2):  # where the table stands depends on what stands before it
        table = (struct.pack("<Q", address) + b"\xff" * 248) * 100
        elf = Elf(segments=(Segment(ENTRY, flags=READ | EXECUTE), Segment(table)), type=DYN)
        whole = dynamic_segment(elf, b"\0", (RELR, address), (RELR_SIZE, len(table)))
        address = whole.address(1)

    with pytest.raises(InvalidFileError, match="it relocates more words than it has"):
        find(whole.build())


def test_what_may_write_to_a_variable_is_counted() -> None:
    """A variable is read, and the next one written, 52,000 times: each was looked at for each variable."""
    count, size = 20_000, 4096
    code = b"".join(
        bytes.fromhex("8b05")  # mov eax, [rip+…]; mov [rip+…], eax; syscall
        + struct.pack("<i", count * 14 + index * 8 % size - (index * 14 + 6))
        + bytes.fromhex("8905")
        + struct.pack("<i", count * 14 + (index * 8 + 8) % size - (index * 14 + 12))
        + ENTRY
        for index in range(count)
    )

    found = find(Elf(segments=(Segment(code + bytes(2 * size), flags=READ | WRITE | EXECUTE),)).build())

    assert TOO_MANY_WAYS in {lack.reason for lack in found.unknown}


def test_lines_that_are_looked_back_over_are_counted() -> None:
    """For each of many numbers 60 instructions were looked at, uncounted: 4 s for 4 MB."""
    effort = Effort.of(0)
    code = struct.pack("<100I", *[0x9100_0421] * 100)  # add x1, x1, #1
    piece, before = decode(code, 0x400000, effort), effort.left

    assert apart(Arm64(effort), piece, 99, Register(1), Register(2)) is None

    assert before - effort.left >= 2 * 50


def test_mazes_of_jumps_end() -> None:
    chance = random.Random(5)
    short = [
        b"\x74" + struct.pack("<b", 2 * chance.randrange(-60, 60)) if chance.random() < 0.9 else ENTRY
        for _ in range(60_000)
    ]
    far = [
        b"\x0f\x84" + struct.pack("<i", 6 * (chance.randrange(40_000) - index - 1))
        if chance.random() < 0.97
        else ENTRY + b"\x90" * 4
        for index in range(40_000)
    ]

    for code in (b"".join(short), b"".join(far)):
        assert TOO_MANY_WAYS in _reasons(_x86(code))
