"""Executables, damaged, whose system calls are looked for, for as long as it is let: ``python tests/fuzz/fuzz_syscalls.py [SECONDS] [SEED]``.

Whatever the bytes are: findings or one of whit's own errors; nothing takes five seconds.
"""

# ruff: noqa: T201 - a script: the path is set first

from __future__ import annotations

import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz.rounds import rounds
from tests.programs.build import ToolchainMissingError, build
from tests.programs.make_elf import DYN, EXECUTE, READ, WRITE, Elf, Section, Segment, dynamic_segment
from tests.unit.packer import syscall_snippets, syscall_snippets_arm64
from whit.packer.elf.machine import EM_AARCH64, EM_X86_64
from whit.packer.syscalls.analyse import find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.packer.syscall_snippets import Snippet

SLOW = 5.0
"""Seconds of the processor's that no answer may take."""

UNWINDER = 0x6474_E550
"""PT_GNU_EH_FRAME."""

RELA, RELA_SIZE, RELR, RELR_SIZE = 7, 8, 36, 35


def calls(data: bytes) -> None:
    """Of an executable."""
    find(data)


def small(snippet: Snippet, machine: int) -> Iterator[bytes]:
    """One piece of code, alone, and with what tells of functions and of relocated words."""
    code = Segment(snippet.code, flags=READ | EXECUTE)
    alone = Elf(segments=(code,), machine=machine)
    yield alone.build()
    header = bytes((1, 0x1B, 3, 0x3B)) + struct.pack("<iIii", 0, 1, 16, 16)
    symbol = struct.pack("<IBBHQQ", 1, 2, 0, 1, alone.address(0), len(snippet.code))
    told = replace(
        alone.with_segments(Segment(header, UNWINDER), Segment(bytes(64), flags=READ | WRITE)),
        sections=(Section(".symtab", bytes(24) + symbol, 2, link=2), Section(".strtab", b"\0main\0", 3)),
    )
    yield told.build()
    yield relocated(alone)


def relocated(alone: Elf) -> bytes:
    """The same with two tables of relocated words, which the loader shifts."""
    start = table = alone.address(0)
    for _ in range(2):  # where the tables stand depends on what stands before them
        words = struct.pack("<QQq", table, 8, start) + struct.pack("<QQ", table, 3)
        moved = replace(alone.with_segments(Segment(words, flags=READ | WRITE)), type=DYN)
        whole = dynamic_segment(moved, b"\0", (RELA, table), (RELA_SIZE, 24), (RELR, table + 24), (RELR_SIZE, 16))
        table = whole.address(1)
    return whole.build()


def compiled() -> Iterator[bytes]:
    """Small programs for both machines."""
    for arch in ("amd64", "arm64"):
        for name, stripped in (("hello", True), ("breadth", False)):
            try:
                yield build(name, "c-zig", arch=arch, stripped=stripped).read_bytes()
            except ToolchainMissingError as error:
                print(f"without {name} for {arch}: {error}")


def main(seconds: float = 60, seed: int = 0) -> None:
    seeds = [
        *(one for snippet in syscall_snippets.SNIPPETS for one in small(snippet, EM_X86_64)),
        *(one for snippet in syscall_snippets_arm64.SNIPPETS for one in small(snippet, EM_AARCH64)),
        *list(compiled()) * 20,
    ]
    known: list[tuple[Callable[[bytes], None], bytes]] = [(calls, one) for one in seeds]
    print(f"{rounds(known, seconds, seed, SLOW)} executables")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(float(given[0]) if given else 60, int(given[1]) if given[1:] else 0)
