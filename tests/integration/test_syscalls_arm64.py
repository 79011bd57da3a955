"""What is found in AArch64 programs' code, held against the calls that qemu sees them make, and against their x86-64 builds."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.integration.compiled import compiled
from tests.programs.build import build
from whit.packer.executable.file import opened
from whit.packer.syscalls.analyse import find
from whit.packer.syscalls.names import syscall_names, syscall_numbers

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.syscalls.found import Findings

_CALL = re.compile(r"^\d+ (\w+)\(", re.MULTILINE)
_FROM_VDSO = {"rt_sigreturn", "clock_gettime", "clock_getres", "gettimeofday"}
"""Calls that the kernel's own code in each process makes."""

_OF_X86 = {"arch_prctl", "rt_sigreturn"}
"""Calls that Go makes on x86-64 alone."""


class Case(NamedTuple):
    """A program of tests/programs, and how it is compiled."""

    name: str
    language: str
    stripped: bool = False
    cross: bool = True


CASES = (
    Case("everything", "go", stripped=True),
    Case("needs-exec", "rust-arm64", stripped=True, cross=False),
    Case("net", "rust-arm64", cross=False),
)
SLOW = (
    Case("hello", "c-zig"),
    Case("breadth", "c-zig", stripped=True),
    Case("hello", "zig", stripped=True),
    Case("fresh-queue", "c-zig"),
    Case("server", "go"),
    Case("fresh-shell", "rust-arm64", stripped=True, cross=False),
    Case("cgo", "cgo-arm64", stripped=True, cross=False),
    Case("fresh_report", "nim-arm64", cross=False),
)


def _program(case: Case, arch: str = "arm64") -> Path:
    options = {"arch": arch} if case.cross else {}
    return compiled(lambda: build(case.name, case.language, stripped=case.stripped, **options))


def _found(program: Path) -> Findings:
    with opened(str(program)) as file:
        return file.look(find)


def _hold(program: Path) -> None:
    """Nothing is unknown, and each call that is seen was found."""
    found = _found(program)

    done = subprocess.run(
        ["qemu-aarch64", "-strace", program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )

    numbers = syscall_numbers("arm64")
    seen = set(_CALL.findall(done.stderr.decode(errors="replace"))) & numbers.keys()
    assert found.unknown == ()
    assert seen
    assert {name for name in seen - _FROM_VDSO if numbers[name] not in found.numbers} == set()


@pytest.mark.peer("qemu-aarch64")
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.language}")
def test_calls_that_are_made_were_found(case: Case) -> None:
    _hold(_program(case))


@pytest.mark.slow
@pytest.mark.peer("qemu-aarch64")
@pytest.mark.parametrize("case", SLOW, ids=lambda case: f"{case.name}-{case.language}")
def test_calls_of_more_programs_were_found(case: Case) -> None:
    if case.name == "server":
        assert _found(_program(case)).complete  # it would wait for clients
    else:
        _hold(_program(case))


@pytest.mark.peer("go")
def test_a_program_makes_the_calls_of_its_other_architectures_build() -> None:
    """Go asks the kernel for the same on both, but for what only one has."""
    case = Case("everything", "go", stripped=True)
    calls = {}
    for architecture in ("amd64", "arm64"):
        names = syscall_names(architecture)
        calls[architecture] = {names[number] for number in _found(_program(case, architecture)).numbers}

    assert {call for call in calls["amd64"] - calls["arm64"] if call in syscall_numbers("arm64")} <= _OF_X86
