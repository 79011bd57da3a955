"""Everyday use without root: the same commands, in a user namespace."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.conftest import lacking
from tests.installed import install

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSYBOX = "/bin/busybox"
USER = 54321
BECOME = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


class AsUser(Protocol):
    """Run whit as an unprivileged user with a home of its own."""

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def home() -> Iterator[Path]:
    # Not pytest's own folders, which are closed to other users.
    with tempfile.TemporaryDirectory(prefix="whit-") as name:
        os.chown(name, USER, USER)
        yield Path(name)


@pytest.fixture(scope="module")
def program() -> Iterator[Path]:
    """A whit that every user can execute, installed as a user would."""
    pythons = [python for python in (Path("/usr/bin/python3"), Path(sys.executable)) if readable_by_user(python)]
    if not pythons:
        lacking("there is no Python of version 3.11 or newer here that every user can execute")
    with tempfile.TemporaryDirectory(prefix="whit-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield install(pythons[0], folder) / "whit"


def readable_by_user(python: Path) -> bool:
    script = "import sys, ensurepip, venv; assert sys.version_info >= (3, 11)"
    return subprocess.run([*BECOME, python, "-c", script], capture_output=True, cwd="/", check=False).returncode == 0


@pytest.fixture
def as_user(program: Path, home: Path) -> AsUser:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*BECOME, program, *words], env={"HOME": str(home), "PATH": os.environ["PATH"]}, cwd=home,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    return run


def test_pack_run_and_the_store_are_the_users_own(as_user: AsUser, home: Path) -> None:
    assert as_user("pack", BUSYBOX, "-t", "mine:1").returncode == 0
    for _ in range(2):
        result = as_user("run", "mine:1", "id", "-u")
        assert (result.stdout, result.stderr) == ("65532\n", "")
    assert len(list((home / ".local" / "share" / "whit" / "plans").iterdir())) == 1
    assert "mine" in as_user("images").stdout
    assert as_user("rmi", "mine:1").returncode == 0


def test_it_is_confined_as_for_root(as_user: AsUser) -> None:
    script = "cat /proc/self/status; echo x 2>&- >/x || echo readonly; echo x >/tmp/x && echo tmp; ls /sys/class/net"
    said = as_user("run", BUSYBOX, "sh", "-c", script).stdout
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


def test_options_that_need_no_root_work(as_user: AsUser, home: Path) -> None:
    data = home / "data"
    data.mkdir()
    os.chown(data, USER, USER)
    words = ("--user", "0", "--init", "--tmpfs", "/run", "-v", f"{data}:/data", "-e", "A=1", "--network", "host")
    script = "id -u; echo $A; touch /run/x /data/new && echo written; ls /sys/class/net | wc -l"
    result = as_user("run", *words, BUSYBOX, "sh", "-c", script)
    assert result.stdout.splitlines()[:3] == ["0", "1", "written"], result.stderr
    assert (data / "new").stat().st_uid == USER


@pytest.mark.parametrize("words", [("--memory", "64m"), ("--cpus", "1"), ("--pids-limit", "9"), ("--time-offset", "5")])
def test_what_needs_root_is_one_line_that_says_so(as_user: AsUser, words: tuple[str, ...]) -> None:
    result = as_user("run", *words, BUSYBOX, "true")
    assert result.returncode == 125
    first, hint = result.stderr.splitlines()
    assert first.startswith(f"whit: {words[0]} needs")
    assert hint.startswith("hint: run as root")
