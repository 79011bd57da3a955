"""What is found in programs' code, held against what strace sees them do: each call, and from where it is made."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import jsonschema
import pytest

from tests.integration.compiled import compiled
from tests.integration.straced import calls_of, moved
from tests.peers import find_peer
from tests.programs.build import build
from whit.packer.executable.file import opened
from whit.packer.syscalls.analyse import find
from whit.packer.syscalls.names import syscall_numbers
from whit.runtime.seccomp.proven import VDSO

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "syscalls.schema.json").read_text())

FROM_VDSO = {number for name, number in syscall_numbers("amd64").items() if name in VDSO}
"""Calls that the kernel's own code in each process makes now and then, where the clock is to be asked for."""


class Case(NamedTuple):
    """A program of tests/programs, and how it is compiled."""

    name: str
    language: str
    stripped: bool = False
    pie: bool = False


QUICK = (
    Case("hello", "c-zig"),
    Case("breadth", "c-musl", stripped=True),
    Case("fresh-words", "c-glibc"),
    Case("breadth", "c-glibc", stripped=True, pie=True),
    Case("everything", "go", stripped=True),
    Case("net", "rust", stripped=True, pie=True),
    Case("hello", "zig", stripped=True),
    Case("fresh_report", "nim-musl"),
)
MORE = (
    Case("breadth", "c-zig", stripped=True),
    Case("fresh-queue", "c-musl"),
    Case("fresh-daemon", "c-glibc", stripped=True),
    Case("fresh-clock", "c-zig"),
    Case("needs-popen", "c-glibc"),
    Case("needs-spawn", "c-musl"),
    Case("hello", "c++", stripped=True),
    Case("fresh-jsonfmt", "go"),
    Case("files", "go"),
    Case("needs-sysexec", "go"),
    Case("needs-dns", "rust"),
    Case("fresh-shell", "rust"),
    Case("needs-exec", "rust", stripped=True),
    Case("hello", "rust", pie=True),
    Case("fresh_fetch", "nim"),
    Case("needs_exec", "nim", stripped=True),
    Case("hello", "zig"),
)


def _id(case: Case) -> str:
    return "-".join([case.name, case.language, *(["stripped"] * case.stripped), *(["pie"] * case.pie)])


def _hold(program: Path, arguments: tuple[str, ...], folder: Path) -> None:
    """Nothing is unknown, and each call that is seen is one that was found where it is made."""
    with opened(str(program)) as file:
        found = file.look(find)
    numbers = {entry.place.address: {way.number for way in entry.ways} for entry in found.entries}

    seen = calls_of(program, arguments, folder)

    shift = moved(seen, numbers)
    assert found.unknown == ()
    assert seen
    elsewhere = [call for call in seen if call.number not in numbers.get(call.address - shift, ())]
    assert [call for call in elsewhere if call.address - shift in numbers or call.number not in FROM_VDSO] == []


@pytest.mark.peer("strace")
@pytest.mark.parametrize("case", QUICK, ids=_id)
def test_calls_that_are_made_were_found_where_they_are_made(case: Case, tmp_path: Path) -> None:
    program = compiled(lambda: build(case.name, case.language, stripped=case.stripped, pie=case.pie))

    _hold(program, (), tmp_path)


@pytest.mark.slow
@pytest.mark.peer("strace")
@pytest.mark.parametrize("case", MORE, ids=_id)
def test_calls_of_many_programs_were_found(case: Case, tmp_path: Path) -> None:
    program = compiled(lambda: build(case.name, case.language, stripped=case.stripped, pie=case.pie))

    _hold(program, (), tmp_path)


@pytest.mark.peer("strace", "busybox-static")
def test_calls_of_a_program_with_many_others_in_it_were_found(tmp_path: Path) -> None:
    busybox = find_peer("busybox-static")
    assert busybox is not None

    _hold(busybox, ("sh", "-c", "ls /; id; sleep 0.1; sort /etc/passwd | head -n 2; (exit 3)"), tmp_path)


@pytest.mark.peer("strace", "bash-static")
def test_calls_of_a_shell_were_found(tmp_path: Path) -> None:
    bash = find_peer("bash-static")
    assert bash is not None

    _hold(
        bash, ("-c", "for i in 1 2; do echo $i; done; (exit 3); ulimit -n; kill -0 $$; read x </etc/passwd"), tmp_path
    )


def _whit(whit: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([whit, *words], capture_output=True, text=True, timeout=120, check=False)


def test_the_command_shows_calls_and_prints_the_document(whit: Path) -> None:
    program = str(compiled(lambda: build("hello", "go")))

    page = _whit(whit, "syscalls", "--ways", program).stdout
    document = json.loads(_whit(whit, "syscalls", "--json", program).stdout)

    jsonschema.validate(document, SCHEMA)
    assert document["complete"]
    assert "epoll_ctl" in [call["name"] for call in document["syscalls"]]
    assert "runtime.netpollinit" in page


def test_a_dynamic_program_is_refused_in_words(whit: Path) -> None:
    program = str(compiled(lambda: build("hello", "c-dynamic")))

    done = _whit(whit, "syscalls", program)

    assert done.returncode == 1
    assert "linked dynamically" in done.stderr
    assert "hint: " in done.stderr


def test_little_room_for_addresses_is_enough(whit: Path, tmp_path: Path) -> None:
    """numpy's library for matrices would take more for buffers that nothing needs."""
    program = compiled(lambda: build("hello", "c-musl"))
    script = 'ulimit -v 200000; exec "$@"'
    environment = {**os.environ, "WHIT_ROOT": str(tmp_path / "root")}

    done = subprocess.run(
        ["sh", "-c", script, "sh", whit, "syscalls", program],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("hello: 12 of ")
