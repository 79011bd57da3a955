"""The physical floor that benchmarks compare with is honest: it asks of the kernel what a launch asks, no less."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.bench.contenders import LIMIT_OPTIONS
from tests.bench.floor import build_floor, build_true

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

WORK = (
    *("clone3", "unshare", "setsid", "keyctl", "sethostname", "ioctl", "mount", "umount2", "pivot_root"),
    *("fsopen", "fsmount", "fsconfig", "open_tree", "move_mount", "mknodat", "symlinkat"),
    *("setgroups", "setresuid", "setresgid", "capset", "seccomp", "close_range"),
)
"""The calls that make the kernel do something; looking up paths and closing files is each program's own affair."""

pytestmark = [pytest.mark.root, pytest.mark.peer("strace")]


def _calls(command: list[str | Path], environment: dict[str, str]) -> dict[str, int]:
    """How often each call of :data:`WORK` succeeded in the process and its children."""
    traced = subprocess.run(
        ["strace", "--follow-forks", "--successful-only", f"--trace={','.join(WORK)}", *command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.findall(r"^(?:\[pid +\d+\] )?(\w+)\(", traced.stderr, flags=re.MULTILINE)
    return {name: found.count(name) for name in WORK}


def test_the_floor_and_a_launch_ask_the_same_of_the_kernel(
    run_whit: RunWhit, whit: Path, whit_root: Path, tmp_path: Path
) -> None:
    rootfs = tmp_path / "rootfs"
    for name in ("proc", "dev", "sys", "tmp"):
        (rootfs / name).mkdir(parents=True)
    program = build_true(rootfs / "true")
    floor = build_floor(tmp_path / "floor")
    arguments = ("run", "--network", "none", *LIMIT_OPTIONS, program)
    first = run_whit(*arguments)
    assert first.returncode == 0, first.stderr

    launched = _calls([whit, *arguments], {"WHIT_ROOT": str(whit_root)})
    bare = _calls([floor, "v1", rootfs, "/true"], {})

    # The guardian, by which the program can't outlive the supervisor, is whit's own affair: a process and its session.
    assert {**bare, "clone3": bare["clone3"] + 1, "setsid": bare["setsid"] + 1} == launched
