# ruff: noqa: T201 - a table for people
"""Finding system calls: whit beside what simple tools do with objdump's or capstone's instructions, time and memory.

Each runs in a process of its own; seconds are CPU time of it and its children, memory is the most that one of them held.
``missed`` are calls that whit found and the tool didn't; ``ran`` those that strace saw the program make and the tool
didn't find. Such calls a filter would have refused. ``unknown`` are places that were left without a number.

``python -m tests.bench.syscalls [FILE…]``: x86-64 programs, which are run without arguments.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.integration.straced import calls_of, moved
from tests.peers import find_peer
from tests.programs.build import ToolchainMissingError, build
from tests.programs.real import real_program
from tests.programs.registries import ProgramMissingError
from whit.packer.syscalls.names import syscall_numbers
from whit.runtime.seccomp.proven import VDSO

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHIT = """
import json, sys
from whit.packer.executable.file import opened
from whit.packer.syscalls.analyse import find
with opened(sys.argv[1]) as file:
    found = file.look(find)
print(json.dumps({"numbers": sorted(found.numbers), "unknown": len(found.unknown),
    "sites": {entry.place.address: [way.number for way in entry.ways] for entry in found.entries}, "bytes": found.code_bytes}))
"""
TOOLS = {
    "whit": ["-c", _WHIT],
    "objdump": ["-m", "tests.bench.syscalls_naive", "objdump"],
    "capstone": ["-m", "tests.bench.syscalls_naive", "capstone"],
}


class Program(NamedTuple):
    """An executable, and what it is given to do."""

    path: Path
    arguments: tuple[str, ...] = ()


class Measured(NamedTuple):
    """What a tool said, CPU seconds, megabytes."""

    told: dict[str, object]
    seconds: float
    megabytes: float

    @property
    def numbers(self) -> set[int]:
        """The calls that were found."""
        numbers = self.told["numbers"]
        assert isinstance(numbers, list)
        return set(numbers)


def measured(tool: str, path: Path) -> Measured:
    """One tool on one program."""
    with tempfile.TemporaryFile() as answer:
        process = subprocess.Popen([sys.executable, *TOOLS[tool], path], stdout=answer)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{tool} failed on {path}")
        answer.seek(0)
        told = json.load(answer)
    return Measured(told, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


def ran(program: Program, whit: Measured) -> set[int]:
    """The calls that its code was seen to make: what the kernel's own code in the process calls isn't among them."""
    told = whit.told["sites"]
    assert isinstance(told, dict)
    sites = {int(address) for address in told}
    with tempfile.TemporaryDirectory() as folder:
        calls = calls_of(program.path, program.arguments, Path(folder))
    shift = moved(calls, sites)
    numbers = syscall_numbers("amd64")
    from_vdso = {numbers[name] for name in VDSO if name in numbers}
    return {call.number for call in calls if call.address - shift in sites or call.number not in from_vdso}


def rows(programs: list[Program]) -> Iterator[str]:
    """A Markdown table, one program after the other."""
    yield "| program | tool | found | unknown | missed | ran | s | MB | s, times whit |"
    yield "|---" * 9 + "|"
    for program in programs:
        whit = measured("whit", program.path)
        used = ran(program, whit)
        for tool in TOOLS:
            one = whit if tool == "whit" else measured(tool, program.path)
            missed, lacking = len(whit.numbers - one.numbers), len(used - one.numbers)
            times = one.seconds / whit.seconds
            yield (
                f"| {program.path.name} | {tool} | {len(one.numbers)} | {one.told['unknown']} | {missed} | {lacking} of "
                f"{len(used)} | {one.seconds:.2f} | {one.megabytes:.0f} | {times:.1f} |"
            )


def _usual() -> list[Program]:
    """Programs of the tests, and real ones; those that can't be had here are left out."""
    found: list[Program] = []
    for name, language, stripped in (
        ("breadth", "c-musl", True),
        ("breadth", "c-glibc", True),
        ("everything", "go", True),
        ("net", "rust", True),
    ):
        try:
            found.append(Program(build(name, language, stripped=stripped)))
        except ToolchainMissingError as error:
            print(error, file=sys.stderr)
    if (busybox := find_peer("busybox-static")) is not None:
        found.append(Program(busybox, ("sh", "-c", "ls /; id; sleep 0.1; sort /etc/passwd | head -n 2")))
    try:
        found.append(Program(real_program("ruff"), ("--version",)))
    except ProgramMissingError as error:
        print(error, file=sys.stderr)
    return found


if __name__ == "__main__":
    for row in rows([Program(Path(name)) for name in sys.argv[1:]] or _usual()):
        print(row, flush=True)
