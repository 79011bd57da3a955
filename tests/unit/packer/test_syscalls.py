"""Which system calls small pieces of code can make, and what is said where that can't be told."""

from __future__ import annotations

import struct
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.programs.make_elf import DYN, EXECUTE, INTERP, READ, WRITE, Elf, Section, Segment
from tests.unit.packer.syscall_snippets import SNIPPETS, Snippet
from whit.packer.elf.file import SECTION_EXECUTABLE
from whit.packer.elf.machine import EM_AARCH64, EM_X86_64
from whit.packer.support.errors import InvalidFileError, UnsupportedError, WhitError
from whit.packer.syscalls.analyse import find
from whit.packer.syscalls.found import ASSUMPTIONS, Findings
from whit.packer.syscalls.report import document

if TYPE_CHECKING:
    from pathlib import Path

READS_THE_STACK = bytes.fromhex("8b0424 0f05")  # mov eax, [rsp]; syscall
CALLS_TWICE = bytes.fromhex("b827000000 0f05 0f05")  # mov eax, 39; syscall; syscall
OLD_INTERRUPT = bytes.fromhex("b801000000 cd80 c3")  # mov eax, 1; int 0x80; ret
INSIDE_A_NUMBER = bytes.fromhex("b80f050000 c3")  # mov eax, 0x50f; ret
CHANCE = bytes.fromhex("b827000000 0f05 c3")  # mov eax, 39; syscall; ret
STORES_HALF = bytes.fromhex("bf27000000 488d0506000000 8903 ffd0 c3 90 89f8 0f05 c3")
"""mov edi, 39; lea rax, [rip+enter]; mov [rbx], eax; call rax; ret; nop; enter: mov eax, edi; syscall; ret"""
NEVER_CALLED = bytes.fromhex("c3 909090 89f8 0f05 c3")  # ret; nop …; mov eax, edi; syscall; ret


def _elf(code: bytes) -> Elf:
    return Elf(segments=(Segment(code, flags=READ | EXECUTE),))


def _found(code: bytes) -> Findings:
    return find(_elf(code).build())


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.shows)
def test_the_numbers_of_calls_are_found(snippet: Snippet) -> None:
    found = _found(snippet.code)

    assert found.unknown == ()
    assert found.numbers == snippet.numbers
    assert found.complete


def test_what_the_kernel_hands_over_at_the_start_is_unknown() -> None:
    found = _found(READS_THE_STACK)

    assert [lack.reason for lack in found.unknown] == ["the kernel starts the program there"]
    assert not found.complete


def test_the_answer_of_a_call_is_unknown_as_the_next_ones_number() -> None:
    found = _found(CALLS_TWICE)

    assert found.numbers == {39}
    assert [lack.reason for lack in found.unknown] == ["it is the answer of a system call"]


def test_a_call_of_which_nothing_tells_the_number_is_unknown() -> None:
    """It may be that no code calls the function; it may as well be that whit doesn't see who does."""
    assert [lack.reason for lack in _found(NEVER_CALLED).unknown] == ["nothing tells the number of the call"]


def _told(code: bytes, function: int, *, pointer: bool = False) -> bytes:
    """The program, with a symbol for the function so many bytes in, and a pointer to it."""
    placed = _elf(code).with_segments(Segment(bytes(8)))
    address = placed.address(0) + function
    symbol = struct.pack("<IBBHQQ", 1, 2, 0, 1, address, len(code) - function)
    table = (Section(".symtab", bytes(24) + symbol, 2, link=2), Section(".strtab", b"\0spare\0", 3))
    data = Segment(struct.pack("<Q", address if pointer else 0))
    return replace(placed, segments=(placed.segments[0], data), sections=table).build()


def test_a_function_that_is_told_of_and_that_no_byte_refers_to_makes_no_call() -> None:
    """Every static program with threads on glibc had two such: ``__nptl_setxid``, and what it hands its number to."""
    found = find(_told(NEVER_CALLED, 4))

    assert found.unknown == ()
    assert found.numbers == frozenset()


def test_a_function_whose_address_stands_somewhere_may_be_called_with_any_number() -> None:
    (lack,) = find(_told(NEVER_CALLED, 4, pointer=True)).unknown

    assert lack.reason.startswith("a pointer to it stands at ")


def test_what_only_seems_to_be_a_call_keeps_a_function_unknown() -> None:
    """Whit may misread where instructions begin: that nothing calls a function has to hold for all bytes."""
    inside_a_number = bytes.fromhex(
        "c3 b8 e800000000 c3"
    )  # ret; mov eax, 0xe8; …, whose bytes are a call of what follows
    code = inside_a_number[:7] + NEVER_CALLED[4:]

    found = find(_told(code, 7))

    assert found.unknown


@pytest.mark.parametrize("machine", [EM_X86_64, EM_AARCH64])
def test_a_program_of_nothing_but_calls_is_soon_given_up(machine: int) -> None:
    """A megabyte of them took minutes: each was followed through all that stand before it."""
    entry = bytes.fromhex("010000d4") if machine == EM_AARCH64 else bytes.fromhex("50 0f05 58")
    program = replace(_elf(entry * 50_000), machine=machine).build()

    found = find(program)

    assert "too many ways lead to it" in {lack.reason for lack in found.unknown}


@pytest.mark.parametrize(
    "segments",
    [
        (Segment(CHANCE, flags=READ | EXECUTE, address=0xFFFF_FFFF_FFFF_0000),),
        (Segment(CHANCE, flags=READ | EXECUTE, address=0x401000),) * 2,
    ],
)
def test_a_program_whose_segments_no_loader_would_map_so_is_refused(segments: tuple[Segment, ...]) -> None:
    """The first was a bug in whit; hundreds of the second took minutes."""
    with pytest.raises(InvalidFileError, match="its segments overlap, or lie where no program can"):
        find(Elf(segments=segments).build())


def test_a_program_whose_sections_have_code_elsewhere_than_where_it_is_loaded_is_refused() -> None:
    program = replace(_elf(CHANCE), sections=(Section(".text", bytes(16), flags=SECTION_EXECUTABLE),))

    with pytest.raises(InvalidFileError, match="its sections have code where none is loaded"):
        find(program.build())


def test_a_number_that_happens_to_be_an_address_within_a_function_is_no_pointer_to_one() -> None:
    """Caddy's data held the address of an instruction in the midst of a function, by chance."""
    code = _elf(CHANCE)
    start = code.address(0)
    symbol = struct.pack("<IBBHQQ", 1, 2, 0, 1, start, len(CHANCE))
    program = replace(
        code.with_segments(Segment((start + CHANCE.index(b"\x0f\x05")).to_bytes(8, "little"))),
        sections=(Section(".symtab", bytes(24) + symbol, 2, link=2), Section(".strtab", b"\0main\0", 3)),
        entry=start - 1,
    ).build()

    found = find(program)

    assert found.unknown == ()
    assert found.numbers == {39}


def test_bytes_within_an_instruction_are_no_call() -> None:
    assert _found(INSIDE_A_NUMBER).entries == ()


def test_an_entry_of_another_architecture_is_told() -> None:
    found = _found(OLD_INTERRUPT)

    assert [place.address - _elf(OLD_INTERRUPT).address(0) for place in found.foreign] == [5]
    assert found.entries == ()


def test_a_dynamic_executable_is_refused() -> None:
    dynamic = _elf(NEVER_CALLED).with_segments(Segment(b"/lib/ld.so\0", INTERP)).build()

    with pytest.raises(UnsupportedError, match="linked dynamically"):
        find(dynamic)


@pytest.mark.parametrize("machine", [40, 243])
def test_another_architecture_is_refused(machine: int) -> None:
    with pytest.raises(UnsupportedError, match="x86-64"):
        find(Elf(machine=machine).build())


@pytest.mark.parametrize("size", [5, 64, 100, 130])
def test_what_is_cut_off_is_an_error_in_words(size: int) -> None:
    whole = _elf(CALLS_TWICE).build()

    with pytest.raises(WhitError):
        find(whole[: min(size, len(whole) - 1)])


def test_the_document_holds_calls_with_their_places_what_is_unknown_and_the_assumptions() -> None:
    start = _elf(CALLS_TWICE).address(0)

    made = document("twice", _found(CALLS_TWICE))

    first, second = f"{start + 5:#x}", f"{start + 7:#x}"
    assert made["schema"] == "whit-syscalls/1"
    assert made["complete"] is False
    assert [(call["name"], call["number"]) for call in made["syscalls"]] == [("getpid", 39)]
    assert [site["address"] for site in made["syscalls"][0]["sites"]] == [first]
    assert [(lack["address"], lack["reason"]) for lack in made["unknown"]] == [
        (second, "it is the answer of a system call")
    ]
    assert made["assumptions"] == list(ASSUMPTIONS)


@pytest.mark.parametrize("absent", ["iced_x86", "numpy"])
def test_without_the_extra_it_says_what_is_missing(absent: str, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(_elf(CHANCE).build())
    script = (
        f"import pathlib, sys; sys.modules['{absent}'] = None; from whit.packer.syscalls.analyse import find\n"
        "try: find(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "except Exception as error: print(error)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, program], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout == f"whit needs {absent} to read machine code\n"


def test_the_low_half_of_a_pointer_is_none_where_the_loader_shifts_the_program() -> None:
    """Such programs lie above 4 GB: whoever takes four bytes of a pointer to a function can't call it."""
    fixed = _elf(STORES_HALF)

    assert find(replace(fixed, type=DYN).build()).numbers == {39}
    assert find(replace(fixed, type=DYN).build()).complete
    (lack,) = find(fixed.build()).unknown
    assert lack.reason == "a pointer to a function is computed with, or put away"


def test_a_pointer_that_is_handed_on_through_a_slot_that_may_change_is_unknown() -> None:
    (snippet,) = (one for one in SNIPPETS if "a slot that never changes" in one.shows)
    written = Elf(segments=(Segment(snippet.code, flags=READ | WRITE | EXECUTE),))

    assert [lack.reason for lack in find(written.build()).unknown] == [
        "a pointer to a function is handed to an unknown one"
    ]
