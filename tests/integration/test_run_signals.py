"""What reaches a program of ``whit run`` from outside, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.begun import first_line, start
from tests.integration.leftcgroups import nothing_is_left, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import RunWhit

BUSYBOX = Path("/bin/busybox")

pytestmark = pytest.mark.peer("busybox")
__all__ = ["nothing_is_left", "start"]


def test_a_signal_reaches_the_program(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(
        "run", BUSYBOX, "sh", "-c", "trap 'echo got; exit 3' TERM; echo ready; while true; do sleep 0.05; done"
    )
    assert first_line(process) == "ready"
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert (output, process.returncode) == ("got\n", 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_program_without_a_handler_ends_by_the_signal(
    start: Callable[..., subprocess.Popen[str]], number: signal.Signals
) -> None:
    process = start("run", BUSYBOX, "sh", "-c", "echo ready; exec sleep 60")
    assert first_line(process) == "ready"
    time.sleep(0.2)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 128 + number


def test_a_shell_that_is_just_executing_the_program_ends_by_the_signal(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    # a shell handles SIGINT, and the program that takes its place doesn't: several, since it has to come in between
    for _ in range(40):
        process = start("run", "--network", "none", BUSYBOX, "sh", "-c", "echo ready; exec sleep 5")
        assert first_line(process) == "ready"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode == 128 + signal.SIGINT


def test_what_a_program_executes_for_a_signal_isn_t_ended_by_it(start: Callable[..., subprocess.Popen[str]]) -> None:
    # soon after the signal, or at once: several, since it has to come in between
    for wait in ("sleep 0.2", *[":"] * 12):
        script = f"trap 'exec sh -c \"sleep 0.1; exit 6\"' TERM; echo ready; while true; do {wait}; done"
        process = start("run", "--network", "none", BUSYBOX, "sh", "-c", script)
        assert first_line(process) == "ready"
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == 6


def test_a_program_sees_nothing_but_its_signal(start: Callable[..., subprocess.Popen[str]]) -> None:
    # a shell is stopped for a moment when it is signalled, but not one that would notice
    script = "trap 'echo went on' CONT; trap 'echo got; exit 3' TERM; echo ready; while true; do sleep 0.05; done"
    process = start("run", "--network", "none", BUSYBOX, "sh", "-c", script)
    assert first_line(process) == "ready"
    process.terminate()
    assert process.communicate(timeout=20)[0] == "got\n"


def test_a_program_that_waits_for_its_signals_gets_them(start: Callable[..., subprocess.Popen[str]]) -> None:
    # tini waits in sigtimedwait, where its signals seem neither blocked nor handled
    process = start(
        "run", "--init", BUSYBOX, "sh", "-c", "trap 'exit 5' TERM; echo ready; while true; do sleep 0.05; done"
    )
    assert first_line(process) == "ready"
    time.sleep(0.2)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 5


def test_init_reaps_orphans_and_passes_signals_on(start: Callable[..., subprocess.Popen[str]]) -> None:
    # several, since the signal comes now and then just as init is busy with the orphan, waiting for nothing
    script = "trap 'exit 4' TERM; (sleep 0 &); echo ready; while true; do sleep 0.05; done"
    processes = [start("run", "--init", BUSYBOX, "sh", "-c", script) for _ in range(8)]
    for process in processes:
        assert first_line(process) == "ready"
        process.terminate()
    for process in processes:
        process.communicate(timeout=20)
    assert [process.returncode for process in processes] == [4] * len(processes)


def test_many_first_runs_at_once_all_start_while_the_first_still_runs(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    processes = [start("run", BUSYBOX, "sh", "-c", "echo ready; exec sleep 60") for _ in range(5)]
    assert [first_line(process) for process in processes] == ["ready"] * 5


def test_the_container_dies_with_its_supervisor_and_the_next_command_cleans_up(
    start: Callable[..., subprocess.Popen[str]], run_whit: RunWhit
) -> None:
    process = start("run", BUSYBOX, "sh", "-c", "echo ready; exec sleep 61.5")
    assert first_line(process) == "ready"
    process.kill()
    process.communicate(timeout=20)
    wait_until(lambda: subprocess.run(["pgrep", "-f", "sleep 61.5"], capture_output=True, check=False).returncode == 1)
    assert run_whit("run", BUSYBOX, "true").returncode == 0
    # and now the fixture sees that no cgroup is left
