"""Code that is swept many instructions at once, by whit's tables, has the very instructions and turns that iced-x86 finds one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iced_x86 import Decoder

from tests.programs.build import build
from whit.packer.elf.file import SECTION_EXECUTABLE, parse
from whit.packer.syscalls.pieces import Turns
from whit.packer.syscalls.x86.sweep import swept
from whit.packer.syscalls.x86.turns import turn_of

if TYPE_CHECKING:
    from whit.packer.syscalls.pieces import Turn

START = 0x401000
PREFIXES = (b"", b"\x66", b"\xf2", b"\xf3", b"\x2e", b"\x64", b"\xf0", b"\x67", b"\x66\xf2", b"\x66\x66", b"\x66\xf0")
REX = (b"", b"\x40", b"\x48", b"\x4f", b"\x41\x48")
OPERANDS = (0x04, *range(0x05, 0x45, 8), *range(0x84, 0xC4, 16), *range(0xC0, 0x100, 8))
"""ModR/M for each opcode's part in it: of memory, with SIB too, and of a register."""
MANY = bytes((0x66, 0xF2, 0xF3, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65, 0x67, 0xF0, *range(0x40, 0x50), 0x0F, 0xE8, 0xFF))


def _one_by_one(code: bytes) -> tuple[list[int], list[tuple[int, Turn]]]:
    addresses: list[int] = []
    turns = Turns()
    for instruction in Decoder(64, code, ip=START):
        turn = turn_of(instruction)
        if turn is not None:
            turns.add(len(addresses), *turn)
        addresses.append(instruction.ip)
    return addresses, list(turns.items())


def _at_once(code: bytes, own: int, behind: int, turns: Turns, before: int = 0) -> tuple[list[int], int]:
    addresses, following = swept(code, START + own, START + behind, turns, before)
    return addresses.tolist(), following


def _assert_alike(code: bytes) -> None:
    turns = Turns()
    addresses, following = _at_once(code, 0, len(code), turns)

    assert (addresses, list(turns.items())) == _one_by_one(code)
    assert following == START + len(code)


@pytest.mark.parametrize("prefix", PREFIXES, ids=bytes.hex)
@pytest.mark.parametrize("rex", REX, ids=bytes.hex)
def test_every_opcode_has_its_length_and_its_turn(prefix: bytes, rex: bytes) -> None:
    _assert_alike(
        b"".join(
            prefix + rex + escape + bytes((opcode, operand, 0x24 + (opcode ^ operand >> 3) % 2)) + b"\x90" * 13
            for escape in (b"", b"\x0f")
            for opcode in range(256)
            for operand in OPERANDS
        )
    )


@given(st.binary(min_size=1, max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_bytes(code: bytes) -> None:
    _assert_alike(code)


@given(st.lists(st.one_of(st.sampled_from([bytes((one,)) for one in MANY]), st.binary(max_size=3)), min_size=1))
@settings(max_examples=300, deadline=None)
def test_heaps_of_prefixes(parts: list[bytes]) -> None:
    _assert_alike(b"".join(parts) + b"\x90")


@pytest.mark.parametrize("size", range(1, 40))
def test_code_that_is_cut_off(size: int) -> None:
    whole = bytes.fromhex(
        "e811223344 48b81122334455667788 0f8411223344 66c7840011223344 5566 f0480fb14c2410 48ff25ffffffff"
    )
    _assert_alike(whole[:size])


@given(st.binary(min_size=60, max_size=400), st.integers(1, 59))
@settings(deadline=None)
def test_in_two_parts_as_in_one(code: bytes, size: int) -> None:
    whole, parts = Turns(), Turns()
    addresses, _ = _at_once(code, 0, len(code), whole)

    first, following = _at_once(code[: size + 15], 0, size, parts)
    distance = following - START
    second, _ = _at_once(code[distance:], distance, len(code), parts, len(first))

    assert first + second == addresses
    assert list(parts.items()) == list(whole.items())


@pytest.mark.parametrize(("program", "language"), [("breadth", "c-glibc"), ("hello", "go"), ("hello", "rust")])
def test_programs(program: str, language: str) -> None:
    elf = parse(build(program, language).read_bytes())
    for section in elf.sections:
        if section.flags & SECTION_EXECUTABLE and section.size:
            _assert_alike(bytes(elf.data[section.offset : section.offset + section.size]))
