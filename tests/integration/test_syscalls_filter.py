"""Programs under the filter of their own calls: they work as ever, and what isn't theirs ends them."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.integration.compiled import compiled
from tests.programs.build import build
from tests.programs.make_elf import EXECUTE, READ, Elf, Segment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.dockerd import Dockerd

KILLED = 128 + signal.SIGSYS


class Case(NamedTuple):
    """A program of tests/programs, and how it is compiled."""

    name: str
    language: str
    stripped: bool = False

    @property
    def program(self) -> Path:
        """Compiled."""
        return compiled(lambda: build(self.name, self.language, stripped=self.stripped))


CASES = (
    Case("hello", "c-zig"),
    Case("breadth", "c-musl", stripped=True),
    Case("fresh-words", "c-glibc"),
    Case("everything", "go", stripped=True),
    Case("net", "rust", stripped=True),
    Case("hello", "zig", stripped=True),
    Case("fresh_report", "nim-musl"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.language}")
def test_a_program_works_under_the_filter_of_its_own_calls(case: Case, run_whit: RunWhit) -> None:
    """With all others ending it at once."""
    usual = run_whit("run", case.program)

    packed = run_whit("pack", "--seccomp", "auto:kill", case.program, "-t", "proven")
    first, second = run_whit("run", "proven"), run_whit("run", "proven")

    assert packed.returncode == 0, packed.stderr
    assert usual.returncode != KILLED
    assert (first.returncode, second.returncode) == (usual.returncode, usual.returncode), first.stderr


def test_a_call_that_isnt_the_programs_ends_it(run_whit: RunWhit) -> None:
    told = {"dev.whit.syscalls": "read", "dev.whit.syscalls.program": "/hello", "dev.whit.syscalls.else": "kill"}
    words = [word for key, value in told.items() for word in ("--annotation", f"{key}={value}")]
    run_whit("pack", *words, Case("hello", "c-zig").program, "-t", "wrong")

    ran = run_whit("run", "wrong")

    assert ran.returncode == KILLED
    assert ran.stderr.splitlines() == [
        "whit: the program was ended by SIGSYS, as by a system call that its filter doesn't let it make",
        "hint: whit syscalls shows those of its code, whit trace --calls what a run makes besides: docs/syscalls.md",
    ]
    assert "SIGSYS" in run_whit("run", "--init", "wrong").stderr
    assert run_whit("run", "--network", "none", "/bin/busybox", "sh", "-c", "exit 159").stderr == ""


def test_a_program_that_asks_for_no_memory_works_under_its_filter(run_whit: RunWhit, tmp_path: Path) -> None:
    """The launcher itself asked for some between the filter and the program, which most programs' filters allow."""
    program = tmp_path / "tiny"
    code = bytes.fromhex("b83c000000 bf07000000 0f05")  # mov eax, 60; mov edi, 7; syscall: exit(7)
    program.write_bytes(Elf(segments=(Segment(code, flags=READ | EXECUTE),)).build())
    program.chmod(0o755)

    packed = run_whit("pack", "--seccomp", "auto:kill", program, "-t", "tiny")
    ran = run_whit("run", "tiny")

    assert packed.returncode == 0, packed.stderr
    assert ran.returncode == 7, ran.stderr


def test_another_program_of_the_image_has_the_usual_filter(run_whit: RunWhit) -> None:
    told = {"dev.whit.syscalls": "read", "dev.whit.syscalls.program": "/other"}
    words = [word for key, value in told.items() for word in ("--annotation", f"{key}={value}")]
    run_whit("pack", *words, Case("hello", "c-zig").program, "-t", "other")

    assert run_whit("run", "other").returncode == 0


def test_a_container_that_is_kept_has_the_filter(run_whit: RunWhit) -> None:
    run_whit("pack", "--seccomp", "auto", Case("hello", "c-zig").program, "-t", "kept")

    created = run_whit("run", "-d", "--name", "kept", "kept")
    waited = run_whit("wait", "kept")
    logs = run_whit("logs", "kept")

    assert created.returncode == 0, created.stderr
    assert waited.stdout.strip() == "0"
    assert "hello" in logs.stdout.lower()


def test_who_packs_is_told_of_the_filter_also_where_it_was_packed_before(run_whit: RunWhit) -> None:
    program = compiled(lambda: build("hello", "c-musl"))
    count = len(json.loads(run_whit("syscalls", "--json", program).stdout)["syscalls"])

    for _ in range(2):
        assert (
            f"seccomp filter: the {count} system calls that its code makes"
            in run_whit("pack", "--seccomp", "auto", program).stdout
        )
    told = json.loads(run_whit("pack", "--seccomp", "auto", "--json", program).stdout)["calls"]
    without = json.loads(run_whit("pack", "--json", program).stdout)["calls"]

    assert (told, without) == (count, None)


def test_a_dynamic_program_is_refused(run_whit: RunWhit) -> None:
    done = run_whit("pack", "--seccomp", "auto", compiled(lambda: build("hello", "c-dynamic")), "-t", "dynamic")

    assert done.returncode == 1
    assert "linked dynamically" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "--profile", "docker"),
        ("--ways", "--profile", "docker"),
        ("--ways", "--json"),
        ("--refuse", "kill"),
        ("--refuse", "errno"),
    ],
    ids=" ".join,
)
def test_an_option_that_would_change_nothing_is_refused(run_whit: RunWhit, words: tuple[str, ...]) -> None:
    done = run_whit("syscalls", *words, build("hello", "c-musl"))

    assert (done.returncode, done.stdout) == (2, "")
    told, hint = done.stderr.splitlines()
    assert told.startswith(f"whit: {words[0]} ")
    assert hint.startswith("hint: ")


@pytest.mark.root
@pytest.mark.peer("dockerd")
@pytest.mark.parametrize("case", [Case("hello", "c-zig"), Case("everything", "go")], ids=lambda case: case.language)
def test_docker_takes_the_profile_and_the_program_works(
    case: Case, run_whit: RunWhit, dockerd: Dockerd, tmp_path: Path
) -> None:
    usual = run_whit("run", case.program).returncode
    run_whit("pack", case.program, "-o", tmp_path / "image.tar", "-t", "docker-proven")
    profile = tmp_path / "profile.json"
    profile.write_text(run_whit("syscalls", "--profile", "docker", case.program).stdout)
    dockerd.docker("load", "-i", tmp_path / "image.tar")

    done = dockerd.docker(
        "run", "--rm", "--network", "none", "--security-opt", f"seccomp={profile}", "docker-proven", check=False
    )

    assert json.loads(profile.read_text())["defaultAction"] == "SCMP_ACT_ERRNO"
    assert done.returncode == usual, done.stderr
