"""Which system calls small pieces of AArch64 code can make, and what is said where that can't be told."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import pytest

from tests.programs.make_elf import EXECUTE, READ, Elf, Segment
from tests.unit.packer.syscall_snippets_arm64 import SNIPPETS
from whit.packer.elf.file import parse
from whit.packer.elf.machine import EM_AARCH64
from whit.packer.syscalls.analyse import find
from whit.packer.syscalls.arm64.decode import decode
from whit.packer.syscalls.arm64.effects import effect_of, is_adrp
from whit.packer.syscalls.arm64.fields import mask_of
from whit.packer.syscalls.arm64.flow import followed
from whit.packer.syscalls.arm64.references import arm_references
from whit.packer.syscalls.bounds import bounds_of
from whit.packer.syscalls.effort import Effort, TooMuchError
from whit.packer.syscalls.image import image_of
from whit.runtime.seccomp.ofprogram import profile_of

if TYPE_CHECKING:
    from tests.unit.packer.syscall_snippets import Snippet
    from whit.packer.syscalls.found import Findings
    from whit.packer.syscalls.references import Named

NUMBER = bytes.fromhex("881580d2")  # mov x8, #172
CALL = bytes.fromhex("010000d4")  # svc #0
READS_THE_STACK = bytes.fromhex("e80340f9")  # ldr x8, [sp]
ATOMIC = bytes.fromhex("e80328f8")  # ldadd x8, x8, [sp]
ELEMENT = bytes.fromhex("087860f8")  # ldr x8, [x0, x0, lsl #3]
INSIDE_A_NUMBER = bytes.fromhex("20008052 c0035fd6 00000001 0000d400")  # mov w0, #1; ret; bytes of a call that are none


def _found(code: bytes) -> Findings:
    return find(Elf(segments=(Segment(code, flags=READ | EXECUTE),), machine=EM_AARCH64).build())


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.shows)
def test_the_numbers_of_calls_are_found(snippet: Snippet) -> None:
    found = _found(snippet.code)

    assert found.unknown == ()
    assert found.numbers == snippet.numbers
    assert found.complete
    assert found.architecture == "arm64"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (READS_THE_STACK + CALL, "the kernel starts the program there"),
        (NUMBER + ATOMIC + CALL, "it is computed at"),
        (ELEMENT + CALL, "an element of an array"),
        (CALL, "the kernel starts the program there"),
    ],
)
def test_what_the_code_does_not_tell_is_unknown(code: bytes, reason: str) -> None:
    found = _found(code)

    assert not found.complete
    assert all(lack.reason.startswith(reason) for lack in found.unknown)


def test_the_answer_of_a_call_is_no_number() -> None:
    """The number stays in its register over a call: the kernel changes only the first."""
    assert _found(NUMBER + CALL + CALL).numbers == {172}


def test_bytes_of_a_call_across_two_instructions_are_none() -> None:
    assert _found(INSIDE_A_NUMBER).entries == ()


def test_every_pattern_of_a_logical_instruction_is_the_manuals() -> None:
    """`and x0, x0, #pattern`: 5,334 encodings name a pattern, each another one (Arm ARM, DecodeBitMasks)."""
    words = [0x9200_0000 | field << 10 for field in range(1 << 13)]
    patterns = [pattern for word in words if (pattern := mask_of(word)) is not None]

    assert len(set(patterns)) == 5334
    assert mask_of(0x9240_1C00) == 0xFF
    assert mask_of(0x9200_F000) == 0x5555_5555_5555_5555


def test_whatever_words_a_hostile_file_has_nothing_is_raised() -> None:
    state = 1
    for _ in range(200):
        words = []
        for _ in range(64):
            state = state * 6364136223846793005 + 1442695040888963407 & 0xFFFF_FFFF_FFFF_FFFF
            words.append(state >> 32)
        _found(struct.pack("<64I", *words) + CALL)


def test_a_filter_is_made_for_the_programs_architecture() -> None:
    document = profile_of("program", _found(NUMBER + CALL), "errno")

    assert document["architectures"] == ["SCMP_ARCH_AARCH64"]
    assert "getpid" in str(document["syscalls"])


def _references(code: bytes) -> tuple[int, Named]:
    """Where the code begins in its image, and who names an address relative to itself."""
    elf = parse(Elf(segments=(Segment(code, flags=READ | EXECUTE, address=0x400000),), machine=EM_AARCH64).build())
    image = image_of(elf)
    return image.code[0].start, arm_references(image, bounds_of(image), Effort.of(0)).relative


def test_whatever_begins_with_a_pages_address_is_a_reference() -> None:
    """adrp x9; ldp [x9, 16]; stur [x9, 129]; ldar [x9]; ldaxr [x9]; add 32; ldr q0, [x9, 48]; ret."""
    code = bytes.fromhex("09000090200541a9201108f822fddfc823fd5fc824810091200dc03dc0035fd6").ljust(256, b"\0")
    start, found = _references(code)
    piece = decode(code, start, Effort.of(0))

    instructions = [piece.instructions[index] for index in range(len(piece.addresses))]
    named = {(address, raw.address) for raw in instructions for address in raw.named}
    assert named == set(found.within(start & ~0xFFF, start + 0x1000))
    assert sorted(address - (start & ~0xFFF) for address, _ in named) == [0, 0, 16, 32, 48, 129]


REGISTERS = (0, 8, 19)
"""One that holds an argument, one that calls change, one that they don't."""


def _some_code(chance: random.Random, count: int) -> bytes:
    """Code that makes pages' addresses, moves and uses them, and jumps about among its own instructions."""
    words = []
    for index in range(count):
        to, of = chance.choice(REGISTERS), chance.choice(REGISTERS)
        away = chance.randrange(count) - index
        words.append(
            chance.choice(
                (
                    0x9000_0000 | chance.randrange(4) << 29 | to,  # adrp
                    0x9100_0000 | chance.randrange(64) << 10 | of << 5 | to,  # add
                    0xF940_0000 | chance.randrange(64) << 10 | of << 5 | to,  # ldr
                    0xF900_0000 | chance.randrange(64) << 10 | of << 5 | to,  # str
                    0xAA00_03E0 | of << 16 | to,  # mov
                    0x1400_0000 | away & 0x3FF_FFFF,  # b
                    0xB400_0000 | (away & 0x7_FFFF) << 5 | to,  # cbz
                    0x9400_0000 | away & 0x3FF_FFFF,  # bl
                    0xD61F_0000 | of << 5,  # br
                    0xD65F_03C0,  # ret
                    0xD503_201F,  # nop
                )
            )
        )
    return struct.pack(f"<{count}I", *words)


def test_pages_that_are_looked_for_backwards_are_those_that_flow_there() -> None:
    chance = random.Random(7)
    several = 0
    for _ in range(300):
        code = _some_code(chance, chance.randrange(2, 40))
        piece = decode(code, 0x400000, Effort.of(0))
        flow = followed(0x400000, piece.instructions[0].pages.words, piece.turns, Effort.of(0))

        for index in range(len(piece.addresses)):
            word = piece.instructions[index].word
            if effect_of(word).base is not None and not is_adrp(word):
                named = piece.instructions[index].named
                several += len(named) > 1
                assert sorted(named) == sorted(flow.at(index)), f"{code.hex()} at {index}"

    assert several


def _named_by_hand(words: list[int], start: int) -> set[tuple[int, int]]:
    """(address, who names it) of all that begin with one of the four nearest pages above in their register, if nothing else is put into that in their own block."""
    targets = {
        turn.target for _, turn in decode(struct.pack(f"<{len(words)}I", *words), start, Effort.of(0)).turns.items()
    }
    found = set()
    for use, word in enumerate(words):
        base, rest, makings, straight = effect_of(word).base, effect_of(word).rest, 0, True
        for at in range(use - 1, -1, -1):
            straight &= words[at] & 0x1C00_0000 != 0x1400_0000 and start + 4 * at + 4 not in targets
            made = is_adrp(words[at]) and words[at] & 31 == base
            if made and makings < 4 and base is not None and not is_adrp(word):
                makings += 1
                found.add(((start & ~0xFFF) + ((words[at] >> 29 & 3) << 12) + rest, start + 4 * use))
            if straight and (made or (base in effect_of(words[at]).writes and use - at <= 16)):
                break
    return found


def test_who_names_an_address_is_found_among_what_comes_behind_the_making_of_its_page() -> None:
    chance = random.Random(8)
    for _ in range(200):
        code = _some_code(chance, chance.randrange(2, 90))
        elf = parse(
            Elf(segments=(Segment(code.ljust(0x5000, b"\0"), flags=READ | EXECUTE),), machine=EM_AARCH64).build()
        )
        image = image_of(elf)
        start = image.code[0].start
        found = arm_references(image, bounds_of(image), Effort.of(0)).relative
        by_hand = _named_by_hand(list(struct.unpack(f"<{len(code) // 4}I", code)), start)

        page = start & ~0xFFF
        assert set(found.within(page, page + 0x4000)) == {pair for pair in by_hand if pair[0] >= start}, code.hex()


def test_a_function_behind_padding_begins_with_no_page() -> None:
    """Nothing is known to lead there, as to functions that only pointers name: its first instructions were passed over."""
    code = bytes.fromhex(
        "c0035fd6 1f2003d5 08000090 08410091 006100f9"
    )  # ret; nop; adrp x8; add x8, x8, 16; str x0, [x8, …]
    piece = decode(code, 0x400000, Effort.of(0))

    flow = followed(0x400000, piece.instructions[0].pages.words, piece.turns, Effort.of(0))

    assert piece.instructions[3].named == flow.at(3) == (0x400010,)


def test_a_register_that_something_else_was_put_into_names_nothing() -> None:
    """In the same block; what was put there in another one is told by the flow.

    adrp x9, 0; ldr x9, [x0]; ldr x8, [x9, 16]; adrp x10, 0; ldr x10, [x0]; cbz x0, next; next: ldr x8, [x10, 24]; adrp x11, 0; ldr x8, [x11, 32]; ret
    """
    code = bytes.fromhex(
        "09000090 090040f9 280940f9 0a000090 0a0040f9 200000b4 480d40f9 0b000090 681140f9 c0035fd6"
    ).ljust(256, b"\0")
    start, found = _references(code)
    piece = decode(code, start, Effort.of(0))

    page = start & ~0xFFF
    assert [target - page for target, _ in found.within(page, page + 0x1000)] == [24, 32]
    assert [piece.instructions[index].named for index in (2, 6, 8)] == [(), (), (page + 32,)]


def test_what_is_added_to_a_page_s_address_may_lead_to_another_page() -> None:
    """adrp x9, 1; b next; next: ldur x8, [x9, -16]; adrp x10, -1; b last; last: ldr q0, [x10, 8192]; ldr x8, [x10, 4096]; ret."""
    code = bytes.fromhex("090000b0 01000014 28015ff8 eafffff0 01000014 4001c83d 480148f9 c0035fd6").ljust(0x3000, b"\0")
    start, found = _references(code)

    page = start & ~0xFFF
    assert found.within(page, page + 0x2000) == [
        (page, start + 24),
        (page + 0xFF0, start + 8),
        (page + 0x1000, start + 20),
    ]
    assert found.at(page + 0xFF0) == [start + 8]
    assert found.within(0, 1 << 64) == found.within(page, page + 0x2000)


def test_pages_that_many_operands_begin_with_are_sought_in_little_time() -> None:
    """Each page is made in many registers, and each of those used all the way: what is looked at counts."""
    words = [0x9000_0000 | register for register in range(31)] + [0xF940_0000 | 9 << 5 | 31] * 8000
    code = struct.pack(f"<{len(words)}I", *words) * 8
    elf = parse(Elf(segments=(Segment(code, flags=READ | EXECUTE),), machine=EM_AARCH64).build())
    image = image_of(elf)
    effort = Effort(2000)
    found = arm_references(image, bounds_of(image), effort).relative

    with pytest.raises(TooMuchError):
        found.within(image.base, image.base + 0x10000)
