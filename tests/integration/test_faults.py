"""What happens to ``whit run`` when things go wrong around it: killed, interrupted, out of space, two at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.leftcgroups import own_cgroups, wait_until
from tests.programs.build import build
from whit.packer.store.garbage import verify
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import RunWhit

BUSYBOX = "/bin/busybox"
MARK = f"86399.{os.getpid()}"
"""An argument of sleep that tells this module's containers from everything else on the machine."""

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


def begin(whit: Path, root: Path, *words: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "WHIT_ROOT": str(root)}
    return subprocess.Popen(
        [whit, "run", *words], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def containers() -> list[str]:
    found = subprocess.run(
        ["pgrep", "-f", f"^(sleep|{BUSYBOX} sleep|/busybox sleep) {MARK}"], capture_output=True, check=False
    )
    return found.stdout.decode().split()


def test_supervisors_killed_at_any_instant_leave_nothing_behind(whit: Path, whit_root: Path, run_whit: RunWhit) -> None:
    before, mounts = own_cgroups(), Path("/proc/self/mounts").read_text()
    words = (BUSYBOX, "sleep", MARK)
    begin(whit, whit_root, BUSYBOX, "true").communicate(timeout=60)
    chance = random.Random(7)
    for _ in range(25):
        running = [begin(whit, whit_root, *words) for _ in range(4)]
        for process in running:
            time.sleep(chance.uniform(0, 0.004))
            process.kill()
        for process in running:
            process.communicate(timeout=60)
    wait_until(lambda: not containers())
    assert run_whit("run", BUSYBOX, "true").returncode == 0
    wait_until(lambda: own_cgroups() <= before)
    assert Path("/proc/self/mounts").read_text() == mounts
    assert verify(Store.open(whit_root)) == ()


def test_a_signal_in_the_first_milliseconds_ends_the_container(whit: Path, whit_root: Path, run_whit: RunWhit) -> None:
    words = (BUSYBOX, "sleep", MARK)
    run_whit("run", BUSYBOX, "true")
    begin_and_end = begin(whit, whit_root, *words)  # compiles and keeps the plan
    time.sleep(2)
    begin_and_end.terminate()
    begin_and_end.communicate(timeout=60)
    for step in range(30):
        process = begin(whit, whit_root, *words)
        time.sleep(step * 0.0002)
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode in {-signal.SIGTERM, 128 + signal.SIGTERM}
    wait_until(lambda: not containers())


def test_first_runs_of_one_new_program_at_once_all_succeed(run_whit: RunWhit, whit_root: Path) -> None:
    program = build("hello", "go")
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: run_whit("run", program), range(6)))
    assert {(result.returncode, result.stdout) for result in results} == {(0, "hello from go\n")}
    assert verify(Store.open(whit_root)) == ()


def test_runs_while_the_image_is_removed_run_or_say_that_it_is_gone(run_whit: RunWhit, whit_root: Path) -> None:
    run_whit("pack", build("hello", "go"), "-t", "gone:1")
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(run_whit, "run", "--pull", "never", "gone:1") for _ in range(12)]
        removed = run_whit("rmi", "gone:1")
        results = [run.result() for run in runs]
    assert removed.returncode == 0
    for result in results:
        assert "Traceback" not in result.stderr
        assert (result.returncode, result.stdout) == (0, "hello from go\n") or (
            result.returncode == 125 and result.stderr.startswith("whit: ")
        ), result
    assert verify(Store.open(whit_root)) == ()


def on_a_small_disk(whit: Path, folder: Path, size: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a mount namespace of its own where ``folder`` is a disk of this size and holds the store."""
    folder.mkdir()
    setup = (
        f'mount -t tmpfs -o size={size} disk "{folder}"; export WHIT_ROOT="{folder}/root" PATH="{whit.parent}:$PATH"\n'
    )
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", setup + script]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("verb", ["run", "pack"])
def test_a_full_disk_is_one_line_and_works_again_when_there_is_room(whit: Path, tmp_path: Path, verb: str) -> None:
    folder = tmp_path / "disk"
    script = f"""
    fallocate -l 9m "{folder}/filler"
    whit {verb} {BUSYBOX} true; echo "status $?"
    find "{folder}" -name '.tmp-*' | wc -l
    rm "{folder}/filler"
    whit run {BUSYBOX} echo works
    """
    script = script.replace(f"whit pack {BUSYBOX} true", f"whit pack {BUSYBOX}")
    done = on_a_small_disk(whit, folder, "10m", script)
    assert done.stdout == f"status {125 if verb == 'run' else 1}\n0\nworks\n"
    first, *rest = done.stderr.splitlines()
    assert first.startswith("whit: ")
    assert "no space left" in first
    assert all(line.startswith("hint: ") for line in rest)


def test_a_disk_with_room_for_the_image_but_not_for_its_files(whit: Path, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    script = f"""
    whit pack {BUSYBOX} >/dev/null
    fallocate -l $(($(stat -f -c '%a*%S' "{folder}") - 500000)) "{folder}/filler"
    whit run busybox true; echo "status $?"
    find "{folder}" -name '.tmp-*' | wc -l
    rm "{folder}/filler"
    whit run busybox echo works
    """
    done = on_a_small_disk(whit, folder, "10m", script)
    assert done.stdout == "status 125\n0\nworks\n", done.stderr
    assert "no space left" in done.stderr.splitlines()[0]


def test_a_read_only_store_still_runs_what_is_there_and_says_what_is_not(whit: Path, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    script = f"""
    whit run --network none {BUSYBOX} echo first
    mount -o remount,ro "{folder}"
    whit run --network none {BUSYBOX} echo first
    whit run --network none {BUSYBOX} echo second; echo "status $?"
    whit pack {whit}; echo "status $?"
    """
    done = on_a_small_disk(whit, folder, "20m", script)
    first, second, *rest = done.stdout.splitlines()
    assert (first, second, rest[-1]) == ("first", "first", "status 1"), done.stderr
    assert "Traceback" not in done.stderr
    assert "the file system is read-only" in done.stderr


@pytest.mark.parametrize("status", [0, 1, 2, 77, 124, 125, 126, 127, 128, 137, 255])
def test_every_exit_status_is_passed_on(run_whit: RunWhit, status: int) -> None:
    assert run_whit("run", build("exit", "c-musl"), str(status)).returncode == status


def test_closed_streams_are_no_files_of_the_program(whit: Path, whit_root: Path, run_whit: RunWhit) -> None:
    run_whit("run", BUSYBOX, "true")
    script = 'exec "$0" run "$1" ls /proc/self/fd <&- 2>&-'
    environment = {**os.environ, "WHIT_ROOT": str(whit_root)}
    done = subprocess.run(
        ["sh", "-c", script, whit, BUSYBOX], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("0\n1\n2\n3\n", 0)


def test_a_reader_that_goes_away_ends_the_program(whit: Path, whit_root: Path, run_whit: RunWhit) -> None:
    run_whit("run", BUSYBOX, "true")
    with begin(whit, whit_root, "--init", BUSYBOX, "yes") as process:
        assert process.stdout is not None
        assert process.stdout.read(4) == b"y\ny\n"
        process.stdout.close()
        assert process.wait(timeout=20) in {1, 128 + signal.SIGPIPE}


INTERRUPTED_IN_A_CALLBACK = """
import os, sys, time, weakref
from whit.runtime import main

class Kept: pass

def answer(_):
    kept = Kept()
    watch = weakref.ref(kept, lambda _: os.kill(os.getpid(), int(sys.argv[1])))
    del kept
    time.sleep(30)
    return 0

main._answer = answer
main.main()
"""


@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "ended by SIGTERM"), (signal.SIGHUP, "ended by SIGHUP")],
)
def test_an_interruption_that_falls_into_a_callback_of_python_ends_the_command_too(
    number: signal.Signals, words: str
) -> None:
    # given a weak reference's callback, as the import system has them: Python ignores what is raised there
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IN_A_CALLBACK, str(int(number))],
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    assert (done.returncode, done.stderr) == (128 + number, f"whit: {words}\n")


def test_an_interruption_while_python_still_starts_is_told_in_words(whit: Path) -> None:
    for tick in range(20):
        process = subprocess.Popen(
            [whit, "inspect", BUSYBOX], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        time.sleep(tick * 0.003)
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=60)[1]
        # whether it came before the program was there at all, in between, or after the end
        # (click leaves the line where a terminal shows ^C)
        assert (process.returncode, errors.strip()) in [(130, "whit: interrupted"), (-signal.SIGINT, ""), (0, "")]
