"""No container starts without its supervisor, and none lives on without it, whatever its program does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.leftcgroups import own_cgroups, wait_until
from tests.programs.build import build
from whit.runtime.host import cgroup_layout

if TYPE_CHECKING:
    from tests.conftest import RunWhit
    from tests.integration.conftest import User

BUSYBOX = Path("/bin/busybox")

BORN = re.compile(r"^(\d+) +(?:clone3\(|<\.\.\. clone3 resumed>).*\) = \d+$", re.MULTILINE)

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static", "strace")]


def test_a_container_whose_supervisor_ended_before_they_were_tied_does_not_start(
    run_whit: RunWhit, whit: Path, whit_root: Path, tmp_path: Path
) -> None:
    command = ["run", "-u", "0", "-v", f"{tmp_path}:/out", str(BUSYBOX), "touch", "/out/started"]
    assert run_whit(*command).returncode == 0
    (tmp_path / "started").unlink()
    # Slowed down between being born and tying its life to the supervisor's.
    trace = tmp_path / "trace"
    slow = [
        "strace",
        "-f",
        "-o",
        str(trace),
        "-e",
        "trace=prctl,clone3",
        "-e",
        "inject=prctl:delay_enter=700000:when=1",
    ]
    with subprocess.Popen(
        [*slow, str(whit), *command],
        env={**os.environ, "WHIT_ROOT": str(whit_root)},
        stdin=subprocess.DEVNULL,
    ) as process:
        end = time.monotonic() + 20
        while not (born := BORN.search(trace.read_text() if trace.exists() else "")):
            assert time.monotonic() < end
            time.sleep(0.01)
        os.kill(int(born[1]), signal.SIGKILL)
        process.wait(20)
    assert "PR_SET_PDEATHSIG" in trace.read_text()
    assert not (tmp_path / "started").exists()


OUTLIVE = "outlive"
"""A program that undoes all that a process can undo of its tie to its parent."""


def _lives(started_by: int) -> bool:
    """Whether any program of :data:`OUTLIVE` runs for this user."""
    done = subprocess.run(["pgrep", "-x", "-u", str(started_by), OUTLIVE], capture_output=True, check=False)
    return done.returncode == 0


def _ends_with_its_supervisor(command: list[str | Path], environment: dict[str, str], uid: int) -> None:
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert _lives(uid)
        process.kill()
        wait_until(lambda: not _lives(uid))


@pytest.mark.parametrize("words", [(), ("--init",), ("--network", "host"), ("--user", "0")], ids=" ".join)
def test_a_program_that_unties_itself_dies_with_its_supervisor(
    whit: Path, whit_root: Path, words: tuple[str, ...]
) -> None:
    command: list[str | Path] = [whit, "run", *words, build(OUTLIVE, "c-musl")]
    _ends_with_its_supervisor(
        command, {**os.environ, "WHIT_ROOT": str(whit_root)}, 0 if words[-1:] == ("0",) else 65532
    )


def test_a_program_that_becomes_another_user_dies_with_its_supervisor(whit: Path, whit_root: Path) -> None:
    words = ("--user", "0", "--cap-add", "SETUID", "--cap-add", "SETGID")
    command: list[str | Path] = [whit, "run", *words, build(OUTLIVE, "c-musl"), "user"]
    _ends_with_its_supervisor(command, {**os.environ, "WHIT_ROOT": str(whit_root)}, 1)


@pytest.mark.parametrize("words", [(), ("--init",)], ids=" ".join)
def test_without_root_too(user: User, words: tuple[str, ...]) -> None:
    program = user.home / OUTLIVE
    program.write_bytes(build(OUTLIVE, "c-musl").read_bytes())
    program.chmod(0o755)
    _ends_with_its_supervisor(user.command("run", *words, program), user.environment(), user.number)


def test_what_a_terminal_sends_reaches_the_program_once(whit: Path, whit_root: Path) -> None:
    # As Ctrl-C does: to the whole process group that whit was started in.
    with subprocess.Popen(
        [whit, "run", build("count", "c-musl")],
        env={**os.environ, "WHIT_ROOT": str(whit_root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for number in (signal.SIGRTMAX, signal.SIGRTMAX, signal.SIGTERM):
            os.killpg(process.pid, number)
            time.sleep(0.1)
        assert process.wait(20) == 2


def test_every_real_time_signal_is_passed_on(whit: Path, whit_root: Path) -> None:
    # The first ones are used by some C libraries themselves, and are left out of what they call all signals.
    environment = {**os.environ, "WHIT_ROOT": str(whit_root)}
    script = "echo ready; exec sleep 3"
    for number in range(signal.SIGRTMIN, signal.SIGRTMIN + 3):
        with subprocess.Popen(
            [whit, "run", BUSYBOX, "sh", "-c", script],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            process.send_signal(number)
            time.sleep(0.1)
            # The kernel drops it for the first process of a PID namespace that doesn't handle it.
            assert process.poll() is None
            process.terminate()
            assert process.wait(20) == 143


def _ended() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_a_cgroup_of_another_pid_namespace_is_left_alone(run_whit: RunWhit) -> None:
    # Given two empty cgroups whose supervisor isn't there, one of this PID namespace and one of another
    assert run_whit("run", BUSYBOX, "true").returncode == 0
    pid, own = _ended(), Path("/proc/self/ns/pid").stat().st_ino
    parent = Path(dict(cgroup_layout().parents).get("memory") or cgroup_layout().parents[0][1])
    stale, foreign = parent / f"{pid}-{own}-1", parent / f"{pid}-{own + 1}-1"
    stale.mkdir()
    foreign.mkdir()
    try:
        # When the next container starts, then only what is known to be left over is removed
        assert run_whit("run", BUSYBOX, "true").returncode == 0
        assert (stale.exists(), foreign.exists()) == (False, True)
    finally:
        foreign.rmdir()
        if stale.exists():
            stale.rmdir()


def test_a_guardian_that_is_killed_takes_the_container_with_it_and_the_supervisor_says_so(
    whit: Path, whit_root: Path
) -> None:
    before = own_cgroups()
    with subprocess.Popen(
        [whit, "run", build(OUTLIVE, "c-musl")],
        env={**os.environ, "WHIT_ROOT": str(whit_root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        (guardian,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(guardian), signal.SIGKILL)
        assert process.wait(20) == 137
    wait_until(lambda: not _lives(65532))
    assert own_cgroups() <= before
