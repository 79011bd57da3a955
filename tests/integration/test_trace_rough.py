"""whit trace where it is hard: threads by the dozen, memory that changes, signals, filters, kernels that can't, other users."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.peers import PROJECT, find_peer
from tests.programs.build import build
from whit.runtime.trace.kernel import SEND

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.integration.conftest import User

SCHEMA = json.loads((PROJECT / "docs" / "trace.schema.json").read_text())
EXCLUSIVE = 8
"""SECCOMP_FILTER_FLAG_NEW_LISTENER."""


@pytest.fixture(scope="module")
def rough() -> Path:
    return build("trace-rough", "c-glibc", flags=("-pthread",))


def report_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def asked(report: dict[str, Any]) -> set[str]:
    return {item["path"] for item in report["paths"]}


def traced(run_whit: RunWhit, rough: Path, mode: str) -> dict[str, Any]:
    """The report on a mode of the program, which must have come to its good end."""
    done = run_whit("trace", "--json", rough, mode)
    report = report_of(done)
    assert (done.stderr, report["status"]) == ("done\n", 0)
    return report


def test_every_path_of_every_thread_is_seen(run_whit: RunWhit, rough: Path) -> None:
    report = traced(run_whit, rough, "threads")
    wanted = {f"/thread/{thread}/{number}" for thread in range(32) for number in range(400)}
    assert wanted <= asked(report)
    assert report["complete"]


def test_children_that_borrow_their_parent_s_memory_are_read_rightly(run_whit: RunWhit, rough: Path) -> None:
    report = traced(run_whit, rough, "children")
    assert {f"/child/{number}" for number in range(50)} <= asked(report)
    assert not {path for path in asked(report) if "child" in path} - {f"/child/{number}" for number in range(50)}


def test_a_program_s_own_filter_still_decides(run_whit: RunWhit, rough: Path) -> None:
    paths = asked(traced(run_whit, rough, "own-filter"))
    assert "/after-filter" in paths
    assert "/refused" not in paths, "what is refused is refused before anybody is asked"


def test_a_program_that_would_watch_itself_goes_on_without(run_whit: RunWhit, rough: Path) -> None:
    assert "/after-listener" in asked(traced(run_whit, rough, "own-listener"))


def test_signals_come_through_and_no_call_fails_for_them(run_whit: RunWhit, rough: Path) -> None:
    traced(run_whit, rough, "signals")


def test_many_calls_are_one_line(run_whit: RunWhit, rough: Path) -> None:
    report = traced(run_whit, rough, "many")
    (passwd,) = (item for item in report["paths"] if item["path"] == "/etc/passwd")
    assert passwd["there"] == 20_000


def test_a_child_that_is_killed_while_it_waits_holds_nothing_up(run_whit: RunWhit, rough: Path) -> None:
    assert "/killed" in asked(traced(run_whit, rough, "killed"))


def test_a_hostile_program_gets_nothing_out_of_it(run_whit: RunWhit, rough: Path) -> None:
    report = traced(run_whit, rough, "hostile")
    assert {f"/name/{number}" for number in range(2_000)} <= asked(report)
    jsonschema.validate(report, SCHEMA)
    assert "/\\xff\\xfe\x1b[31m\n" in asked(report), "bytes that are no text are escaped, and JSON escapes the rest"


def test_no_escape_sequence_of_a_program_s_reaches_the_terminal(run_whit: RunWhit, rough: Path) -> None:
    page = run_whit("trace", rough, "open", "/etc/\x1b[31m.mime.types").stderr
    assert "\x1b" not in page


@pytest.mark.root
@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (("seccomp", 1, EXCLUSIVE, errno.EINVAL), "whit trace needs Linux 5.5 or newer"),
        (("seccomp", 1, EXCLUSIVE, errno.EBUSY), "trace outside of it"),
        (("openat2", 0, 0, errno.ENOSYS), "it needs Linux 5.6 or newer"),
        (("ioctl", 1, SEND, errno.EINVAL), "whit trace needs Linux 5.5 or newer"),
    ],
    ids=["no listener", "watched already", "no openat2", "no going on"],
)
def test_a_kernel_that_can_t_is_told_in_words(
    whit: Path, whit_root: Path, rough: Path, refused: tuple[str | int, ...], said: str
) -> None:
    refusing = [sys.executable, "-m", "tests.integration.refusing", *map(str, refused)]
    done = subprocess.run(
        [*refusing, str(whit), "trace", str(rough), "open", "/x"], cwd=PROJECT, capture_output=True, text=True,
        env={**os.environ, "WHIT_ROOT": str(whit_root)}, stdin=subprocess.DEVNULL, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert said in done.stderr
    assert done.stderr.count("\n") == 2, done.stderr


@pytest.mark.root
@pytest.mark.peer("setpriv")
def test_without_root(user: User, rough: Path) -> None:
    done = user.run("trace", "--json", rough, "children")
    report = report_of(done)
    assert {f"/child/{number}" for number in range(50)} <= asked(report)


@pytest.mark.root
@pytest.mark.peer("setpriv", "busybox-static")
def test_without_root_too_it_is_known_what_can_be_written(user: User) -> None:
    box = find_peer("busybox-static")
    assert box is not None
    done = user.run(
        "trace", "--json", box, "sh", "-c", "echo a >/tmp/a; echo b >/etc/b; cat /etc/mime.types; cat /etc/passwd"
    )
    report = report_of(done)
    assert {item["path"]: item["works"] for item in report["written"]} == {"/tmp/a": True, "/etc/b": False}
    assert [item["path"] for item in report["missed"]] == ["/etc/mime.types"]
    assert report["unreadable"] == []


@pytest.mark.root
@pytest.mark.peer("setpriv")
def test_root_without_the_right_to_look_is_told_so(whit: Path, whit_root: Path, rough: Path) -> None:
    done = subprocess.run(
        ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", str(whit), "trace", str(rough), "open", "/x"],
        env={**os.environ, "WHIT_ROOT": str(whit_root)}, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        timeout=30, check=False,
    )  # fmt: skip
    assert "CAP_SYS_PTRACE" in done.stderr
    assert (done.returncode, done.stderr.count("\n")) == (125, 2), done.stderr
