"""Everyday use without root: the same commands, in a user namespace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.conftest import User

BUSYBOX = "/bin/busybox"
LIMITED = Path(__file__).with_name("limited_namespaces.py")

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


def test_pack_run_and_the_store_are_the_users_own(user: User) -> None:
    assert user.run("pack", BUSYBOX, "-t", "mine:1").returncode == 0
    for _ in range(2):
        result = user.run("run", "--network", "none", "mine:1", "id", "-u")
        assert (result.stdout, result.stderr) == ("65532\n", "")
    assert len(list((user.store / "plans").iterdir())) == 1
    assert "mine" in user.run("images").stdout
    assert user.run("rmi", "mine:1").returncode == 0


def test_it_is_confined_as_for_root(user: User) -> None:
    script = "cat /proc/self/status; echo x 2>&- >/x || echo readonly; echo x >/tmp/x && echo tmp; ls /sys/class/net"
    said = user.run("run", "--network", "none", BUSYBOX, "sh", "-c", script).stdout
    for line in (
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "readonly",
        "tmp",
    ):
        assert line in said
    assert said.endswith("lo\n")


def test_options_that_need_no_root_work(user: User) -> None:
    data = user.home / "data"
    data.mkdir()
    os.chown(data, user.number, user.number)
    words = ("--user", "0", "--init", "--tmpfs", "/run", "-v", f"{data}:/data", "-e", "A=1", "--network", "host")
    script = "id -u; echo $A; touch /run/x /data/new && echo written; ls /sys/class/net | wc -l"
    result = user.run("run", *words, BUSYBOX, "sh", "-c", script)
    assert result.stdout.splitlines()[:3] == ["0", "1", "written"], result.stderr
    assert (data / "new").stat().st_uid == user.number


@pytest.mark.parametrize("words", [("--memory", "64m"), ("--cpus", "1"), ("--pids-limit", "9"), ("--time-offset", "5")])
def test_what_needs_root_is_one_line_that_says_so(user: User, words: tuple[str, ...]) -> None:
    result = user.run("run", *words, BUSYBOX, "true")
    assert result.returncode == 125
    first, hint = result.stderr.splitlines()
    assert first.startswith(f"whit: {words[0]} needs")
    assert hint.startswith("hint: run as root")


@pytest.mark.parametrize("kind", ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"])
def test_namespaces_that_a_machine_forbids_are_one_line_that_says_so(user: User, kind: str) -> None:
    sysctl = f"max_{kind}_namespaces"
    command: list[str | Path] = [
        sys.executable,
        LIMITED,
        sysctl,
        str(user.number),
        user.program,
        "run",
        "--network",
        "none",
        BUSYBOX,
        "true",
    ]
    result = subprocess.run(
        command, env=user.environment(), cwd=user.home, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 125
    first, hint = result.stderr.splitlines()
    assert first.startswith("whit: can't create the ")
    assert "namespace" in first
    assert "space left" not in first
    assert f"user.{sysctl}" in hint
