"""How long a program is tried counts from when it is there, not from when whit begins with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from whit.runtime import trial
from whit.runtime.trial import run_confined

if TYPE_CHECKING:
    from pathlib import Path

LAUNCHER = """#!{python} -IS
import os, sys, time
time.sleep({busy})
child = os.posix_spawn("/bin/sh", ["sh", "-c", {script!r}], os.environ)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands in whit's place."""
    path = tmp_path / "whit"
    monkeypatch.setattr(trial, "find_launcher", lambda: path)
    return path


def write(launcher: Path, busy: float, script: str) -> None:
    launcher.write_text(LAUNCHER.format(python=sys.executable, busy=busy, script=script))
    launcher.chmod(0o755)


def test_a_launch_that_takes_longer_than_the_program_may_run_is_waited_for(launcher: Path, tmp_path: Path) -> None:
    write(launcher, 4, "echo ran; exit 7")
    outcome = run_confined(tmp_path / "program", "program", (), seconds=3)
    assert (outcome.status, outcome.output, outcome.problem) == (7, b"ran\n", None)


def test_a_program_that_runs_on_is_ended_and_has_no_status(launcher: Path, tmp_path: Path) -> None:
    write(launcher, 0, "echo begun; exec sleep 2")
    outcome = run_confined(tmp_path / "program", "program", (), seconds=0.5)
    assert (outcome.status, outcome.problem) == (None, None)


def test_whit_s_own_failure_is_told_as_such(launcher: Path, tmp_path: Path) -> None:
    write(launcher, 0, "echo 'whit: it is for s390x' >&2; exit 125")
    assert run_confined(tmp_path / "program", "program", (), seconds=3).problem == "it is for s390x"
