"""Much x86-64 code that no table divides: it is read in chunks, and little of it is held."""

from __future__ import annotations

import random
import tracemalloc
from array import array

import pytest
from iced_x86 import Decoder

from whit.packer.syscalls.marks import Marks
from whit.packer.syscalls.references import CHUNK
from whit.packer.syscalls.x86.decode import decode

START = 0x401000
LONG_MOVE = bytes.fromhex("48b8 0f05e800000000eb")  # mov rax, imm64


@pytest.mark.parametrize("size", [CHUNK, CHUNK + 1, 2 * CHUNK - 5, 2 * CHUNK + 17])
def test_code_is_read_as_in_one_go(size: int) -> None:
    chance = random.Random(size)
    code = b"".join(chance.choice((LONG_MOVE, chance.randbytes(7))) for _ in range(size // 7 + 1))[:size]
    plain = list(Decoder(64, code, ip=START))

    piece = decode(lambda start, end: code[start - START : end - START], START, START + size)

    assert list(map(piece.addresses.__getitem__, range(len(piece.addresses)))) == [one.ip for one in plain]
    for _ in range(3000):
        index = chance.randrange(len(plain))
        assert piece.instructions[index] == plain[index]
        assert piece.instructions[index].ip == plain[index].ip
        assert piece.index(plain[index].ip) == index
    jumps = [one for one in plain if one.near_branch_target and one.is_jmp_short_or_near]
    some = chance.choice(jumps)
    assert some.ip in piece.jumps_to(some.near_branch_target)


@pytest.mark.parametrize("left", range(1, 10))
def test_an_instruction_that_is_cut_off_ends_all_also_across_chunks(left: int) -> None:
    code = b"\x90" * (2 * CHUNK - 1) + LONG_MOVE[:left]

    piece = decode(lambda start, end: code[start - START : end - START], START, START + len(code))

    assert len(piece.addresses) == 2 * CHUNK
    assert piece.index(START + 2 * CHUNK - 1) == 2 * CHUNK - 1


def test_marks_are_the_addresses_that_were_added() -> None:
    chance = random.Random(7)
    addresses = sorted({START, *(START + chance.randrange(6000) for _ in range(900))})
    marks = Marks(START)
    for chunk in range(START, START + 6000, 640):
        end = min(chunk + 640, START + 6000)
        marks.add(array("Q", [one for one in addresses if chunk <= one < end]), end - chunk)

    assert [marks[index] for index in range(len(marks))] == addresses
    assert [marks.below(at) for at in range(START - 2, START + 6100)] == [
        sum(one < at for one in addresses) for at in range(START - 2, START + 6100)
    ]
    for beyond in (-1, len(addresses)):
        with pytest.raises(IndexError):
            marks[beyond]


def test_what_is_held_of_much_code_is_a_fraction_of_it() -> None:
    """Haskell's programs have pieces of ten megabytes; their addresses took twice as much as the code, which was held too."""
    size = 8 * CHUNK
    code = LONG_MOVE * (size // len(LONG_MOVE))
    tracemalloc.start()
    try:
        piece = decode(lambda start, end: code[start - START : end - START], START, START + len(code))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(piece.addresses) == len(code) // len(LONG_MOVE)
    assert held < len(code) // 4
