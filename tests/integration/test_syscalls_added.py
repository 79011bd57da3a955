"""Calls that a program's code doesn't show: a trace tells of them, and who packs may add them to its filter."""

from __future__ import annotations

import json
import signal
from errno import EPERM
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.compiled import compiled
from tests.integration.test_trace import trace
from tests.peers import PROJECT
from tests.programs.build import build
from whit.runtime.seccomp.model import ALLOW, errno
from whit.runtime.seccomp.simulate import run_named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import RunWhit

__all__ = ["trace"]

KILLED = 128 + signal.SIGSYS
MADE = ("sched_get_priority_max", "sched_get_priority_min")
"""What tests/programs/c/generated.c calls by code that it writes at run time."""

WORKS = "0 0\n"
GO_ON = pytest.mark.parametrize(("name", "language"), [("hello", "c-musl"), ("everything", "go"), ("net", "rust")])


@pytest.fixture
def program() -> Path:
    return compiled(lambda: build("generated", "c-musl"))


def test_a_trace_tells_the_calls_that_code_doesn_t_show(trace: Callable[..., dict[str, Any]], program: Path) -> None:
    told = trace("--calls", program)["syscalls"]

    assert told["added"] == [{"name": name, "programs": ["/generated"]} for name in MADE]
    assert "writev" in told["found"]
    assert told["lacking"] == []


def test_the_launcher_s_own_calls_are_none_of_the_program_s(
    trace: Callable[..., dict[str, Any]], program: Path
) -> None:
    assert [item["name"] for item in trace("--calls", "--init", program)["syscalls"]["added"]] == list(MADE)


def test_nothing_is_told_of_calls_unless_it_is_asked_for(trace: Callable[..., dict[str, Any]], program: Path) -> None:
    assert trace(program)["syscalls"] is None


@GO_ON
def test_what_programs_make_is_in_their_code(trace: Callable[..., dict[str, Any]], name: str, language: str) -> None:
    told = trace("--calls", compiled(lambda: build(name, language)))["syscalls"]

    assert (told["added"], told["lacking"]) == ([], [])


def test_the_page_says_how_they_are_added(run_whit: RunWhit, program: Path) -> None:
    said = run_whit("trace", "--calls", program).stderr

    assert "System calls that aren't in the program's code" in said
    assert f"whit pack --seccomp auto --add-calls {','.join(MADE)} {program}" in said


def test_what_a_trace_has_seen_is_allowed_when_it_is_added(run_whit: RunWhit, program: Path, tmp_path: Path) -> None:
    """And without it the program is ended."""
    assert run_whit("trace", "--calls", "-o", tmp_path / "trace.json", program).returncode == 0
    assert run_whit("pack", "--seccomp", "auto:kill", program, "-t", "narrow").returncode == 0

    packed = run_whit(
        "pack", "--json", "--seccomp", "auto:kill", "--add-calls", tmp_path / "trace.json", program, "-t", "wide"
    )

    assert run_whit("run", "narrow").returncode == KILLED
    wide = run_whit("run", "wide")
    assert (wide.returncode, wide.stdout) == (0, WORKS)
    assert json.loads(packed.stdout)["added_calls"] == len(MADE)


def test_a_bundle_and_a_profile_take_them_too(run_whit: RunWhit, program: Path, tmp_path: Path) -> None:
    names, file = ",".join(MADE), tmp_path / "made.run"

    made = run_whit("bundle", "--seccomp", "auto:kill", "--add-calls", names, "-o", file, program)
    profile = json.loads(run_whit("syscalls", "--profile", "docker", "--add-calls", names, program).stdout)

    assert made.returncode == 0, made.stderr
    inside = json.loads(run_whit("bundle", "inspect", "--json", file).stdout)
    assert set(MADE) <= set(inside["calls"])
    allowed = {name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
    assert set(MADE) <= allowed


def test_a_bundle_of_what_is_to_execute_others_has_their_calls_too(
    run_whit: RunWhit, program: Path, tmp_path: Path
) -> None:
    # given an image that tells the calls of its program, which executes nothing, and has another one in it
    other = compiled(lambda: build("needs-exec", "rust"))
    packed = run_whit("pack", "--seccomp", "auto:kill", "--add", f"{other}:/other", program, "-t", "two")
    assert packed.returncode == 0, packed.stderr
    calls = {}
    # when it is bundled without and with a call that executes programs
    for added in ("sched_yield", "execve"):
        file = tmp_path / f"{added}.run"
        made = run_whit("bundle", "--seccomp", "auto:kill", "--add-calls", added, "-o", file, "two")
        assert made.returncode == 0, made.stderr
        calls[added] = set(json.loads(run_whit("bundle", "inspect", "--json", file).stdout)["calls"])
    # then the other one's are there only where they are needed
    alone = {entry["name"] for entry in json.loads(run_whit("syscalls", "--json", other).stdout)["syscalls"]}
    assert alone - calls["sched_yield"]
    assert alone <= calls["execve"]
    assert calls["sched_yield"] - {"sched_yield"} <= calls["execve"]


def _answer(plan: str, call: str) -> int:
    op = next(op for op in json.loads(plan)["operations"] if op["operation"] == "seccomp")
    return run_named(bytes.fromhex(op["arguments"]["program"]), "amd64", call)


def test_they_take_nothing_away_and_what_the_default_filter_refuses_stays_refused(
    run_whit: RunWhit, program: Path
) -> None:
    narrow = json.loads(run_whit("pack", "--json", "--seccomp", "auto", program, "-t", "a").stdout)
    same = json.loads(run_whit("pack", "--json", "--seccomp", "auto", "--add-calls", "mmap", program, "-t", "b").stdout)
    wide = run_whit("pack", "--json", "--seccomp", "auto", "--add-calls", "mount", program, "-t", "c")

    assert (same["calls"], same["added_calls"]) == (narrow["calls"], 0)
    assert json.loads(wide.stdout)["added_calls"] == 1
    plan = run_whit("plan", "--json", "c").stdout
    assert _answer(plan, "mmap") == ALLOW.return_value
    assert _answer(plan, "mount") == errno(EPERM).return_value


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--seccomp", "auto", "--add-calls", "mincore,nothing"), "'nothing' is neither a system call nor a file"),
        (("--seccomp", "auto", "--add-calls", ""), "'' is neither a system call nor a file"),
        (("--add-calls", "mincore"), "--add-calls goes with --seccomp auto"),
        (("--seccomp", "auto", "--add-calls", str(PROJECT / "README.md")), "README.md is not valid JSON"),
        (("--seccomp", "auto", "--add-calls", str(PROJECT)), "is no regular file"),
    ],
)
def test_what_names_no_calls_is_refused(run_whit: RunWhit, program: Path, words: tuple[str, ...], said: str) -> None:
    done = run_whit("pack", *words, program, "-t", "wrong")

    assert done.returncode != 0
    assert said in done.stderr
    assert "hint: " in done.stderr or "JSON" in said
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"schema": "whit-trace/1", "syscalls": None}, "tells of no system calls"),
        ({"schema": "whit-inspect/1"}, "tells of no system calls"),
        ({"schema": "whit-trace/1", "syscalls": {"added": [{"name": "no such call"}]}}, "is no system call"),
        ({"schema": "whit-trace/1", "syscalls": {"added": ["mmap"]}}, "a list of objects"),
    ],
)
def test_a_file_that_no_trace_wrote_is_refused(
    run_whit: RunWhit, program: Path, tmp_path: Path, document: dict[str, Any], said: str
) -> None:
    file = tmp_path / "trace.json"
    file.write_text(json.dumps(document))

    done = run_whit("pack", "--seccomp", "auto", "--add-calls", file, program, "-t", "wrong")

    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def test_of_a_dynamic_program_it_says_why_not(run_whit: RunWhit) -> None:
    done = run_whit("trace", "--calls", compiled(lambda: build("hello", "c-dynamic")))

    assert done.returncode != 0
    assert "hint: leave out --calls" in done.stderr
