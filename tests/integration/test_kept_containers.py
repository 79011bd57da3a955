"""Containers that are kept: started in the background, seen, stopped, started again, removed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from tests.integration.kept import BUSYBOX, Engine, processes_of, until

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]

LINE = 16384


def test_one_in_the_background_runs_and_its_id_is_told(engine: Engine) -> None:
    told = engine.box("sleep", "1000")
    assert len(told) == 64
    assert engine("ps", "-q", "--no-trunc") == told
    assert engine.state()["Status"] == "running"
    assert processes_of(told) == [engine.state()["Pid"]]


def test_what_it_writes_is_in_its_log_with_the_streams_apart(engine: Engine) -> None:
    engine.box("sh", "-c", "echo out; echo err >&2; printf unended")
    assert engine("wait", "box") == "0"
    done = engine.run("logs", "box")
    assert (done.stdout, done.stderr) == ("out\nunended", "err\n")


def test_its_exit_code_is_kept(engine: Engine) -> None:
    engine.box("sh", "-c", "exit 42")
    assert engine("wait", "box") == "42"
    until(lambda: engine.state()["Status"] == "exited")
    assert engine.state()["ExitCode"] == 42


def test_the_exit_code_is_told_whoever_ends_first_the_input_or_the_program(engine: Engine) -> None:
    codes = {engine.run("run", "--rm", "-i", BUSYBOX, "sh", "-c", "exit 5", stdin="x").returncode for _ in range(10)}
    codes |= {engine.run("run", "--rm", "-i", BUSYBOX, "sh", "-c", "exit 5", stdin="").returncode for _ in range(10)}
    assert codes == {5}


@pytest.mark.parametrize(
    ("words", "code"), [(("--entrypoint", "/nothing", BUSYBOX), 127), ((BUSYBOX, "sh", "-c", "exit 3"), 3)]
)
def test_in_the_foreground_the_exit_code_is_docker_s(engine: Engine, words: tuple[str, ...], code: int) -> None:
    assert engine.run("run", "--rm", "--name", "box", "--network", "none", *words).returncode == code
    until(lambda: engine("ps", "-aq") == "", "it is gone with --rm")


def test_what_is_piped_in_comes_back(engine: Engine) -> None:
    text = "".join(f"line {number}\n" for number in range(5000))
    done = engine.run("run", "-i", "--name", "box", "--network", "none", BUSYBOX, "cat", stdin=text)
    assert (done.returncode, done.stdout) == (0, text)


def test_a_program_that_takes_no_signal_is_stopped_at_once(engine: Engine) -> None:
    engine.box("sleep", "1000")
    begun = time.monotonic()
    engine("stop", "-t", "50", "box")
    assert time.monotonic() - begun < 45
    assert engine.state()["ExitCode"] == 128 + signal.SIGTERM


def test_a_program_that_ignores_its_signal_is_killed_after_the_grace_period(engine: Engine) -> None:
    engine.box("sh", "-c", "trap '' TERM; echo ready; while true; do sleep 1; done")
    until(lambda: engine.log() == "ready\n")
    engine("stop", "-t", "1", "box")
    assert engine.state()["ExitCode"] == 128 + signal.SIGKILL


def test_a_program_that_handles_its_signal_ends_as_it_likes(engine: Engine) -> None:
    engine.box(
        "sh",
        "-c",
        "trap 'exit 7' USR1; echo ready; while true; do sleep 0.1; done",
        options=("--network", "none", "--stop-signal", "USR1"),
    )
    until(lambda: engine.log() == "ready\n")
    engine("stop", "box")
    assert engine.state()["ExitCode"] == 7


def test_one_that_was_stopped_starts_again_and_its_log_goes_on(engine: Engine) -> None:
    engine.box("echo", "again")
    engine("wait", "box")
    engine("start", "box")
    engine("wait", "box")
    until(lambda: engine.log() == "again\nagain\n")


def test_pause_holds_all_of_its_processes(engine: Engine) -> None:
    engine.box("sh", "-c", "while true; do echo tick; sleep 0.01; done")
    until(lambda: engine.log() != "")
    engine("pause", "box")
    assert engine.state()["Status"] == "paused"
    assert "(Paused)" in engine("ps")
    before = engine.log()
    time.sleep(0.2)
    assert engine.log() == before
    engine("unpause", "box")
    until(lambda: engine.log() != before)


def test_one_that_runs_is_removed_by_force_alone(engine: Engine) -> None:
    told = engine.box("sleep", "1000")
    refused = engine.run("rm", "box")
    assert refused.returncode == 1
    assert "running" in refused.stderr
    engine("rm", "-f", "box")
    assert processes_of(told) == []
    assert engine("ps", "-aq") == ""


def test_a_name_is_taken_once(engine: Engine) -> None:
    told = engine.box("sleep", "1000")
    second = engine.run("run", "-d", "--name", "box", "--network", "none", BUSYBOX, "true")
    assert second.returncode == 125
    assert f"the name 'box' is taken by container {told[:12]}" in second.stderr
    assert engine("ps", "-aq", "--no-trunc") == told


def test_a_renamed_one_has_its_new_name_alone(engine: Engine) -> None:
    engine.box("sleep", "1000")
    engine("rename", "box", "crate")
    assert engine("ps", "--format", "{{.Names}}") == "crate"
    assert engine.run("stop", "box").returncode == 1
    engine.box("true", name="box")


@pytest.mark.parametrize("policy", ["on-failure:2", "always"])
def test_one_that_fails_is_started_again_as_its_policy_says(engine: Engine, policy: str) -> None:
    engine.box("sh", "-c", "echo run; exit 1", options=("--network", "none", "--restart", policy))
    until(lambda: engine.log().count("run") >= 3)
    if policy == "always":
        engine("stop", "box")
    until(lambda: engine.state()["Status"] == "exited")
    ran = engine.log().count("run")
    assert policy == "always" or ran == 3
    time.sleep(0.5)
    assert engine.log().count("run") == ran


def test_one_that_succeeds_isn_t_started_again_after_failures_only(engine: Engine) -> None:
    engine.box("echo", "run", options=("--network", "none", "--restart", "on-failure"))
    until(lambda: engine.state()["Status"] == "exited")
    assert engine.log() == "run\n"


def test_lines_of_any_length_come_back_as_they_were(engine: Engine) -> None:
    script = f"head -c {3 * LINE} /dev/zero | tr '\\0' a; echo; head -c {LINE} /dev/zero | tr '\\0' b; echo; echo; printf '\\001\\377'"
    engine.box("sh", "-c", script)
    engine("wait", "box")
    wanted = b"a" * 3 * LINE + b"\n" + b"b" * LINE + b"\n\n" + b"\x01\xff"

    def log() -> bytes:
        return subprocess.run(
            [engine.program, "logs", "box"], env=engine.environment, capture_output=True, check=True
        ).stdout

    until(lambda: log() == wanted)


def test_a_log_makes_room_at_its_size_and_keeps_as_many_files_as_it_may(engine: Engine) -> None:
    options = ("--network", "none", "--log-opt", "max-size=64k", "--log-opt", "max-file=3")
    engine.box("sh", "-c", "i=0; while [ $i -lt 6000 ]; do echo line $i; i=$((i+1)); done", options=options)
    engine("wait", "box")
    until(lambda: engine.log().endswith("line 5999\n"))
    files = sorted(path.name for path in engine.folder().glob("log*"))
    assert files == ["log", "log.1", "log.2"]
    assert all(path.stat().st_size < 2 * (64 << 10) for path in engine.folder().glob("log*"))
    lines = engine.log().splitlines()
    first = int(lines[0].split()[1])
    assert lines == [f"line {number}" for number in range(first, 6000)]


def test_without_a_log_nothing_is_kept(engine: Engine) -> None:
    engine.box("echo", "gone", options=("--network", "none", "--log-driver", "none"))
    engine("wait", "box")
    assert not (engine.folder() / "log").exists()


def test_the_container_s_limits_and_root_are_what_was_asked_for(engine: Engine) -> None:
    engine.box(
        "sleep",
        "1000",
        options=("--network", "none", "-m", "64m", "--cpus", "0.5", "--pids-limit", "7", "--label", "a=b"),
    )
    document = json.loads(engine("inspect", "box"))[0]
    host = document["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (64 << 20, 500_000_000, 7)
    assert host["ReadonlyRootfs"] is True
    assert document["Config"]["Labels"]["a"] == "b"


def test_a_kill_of_the_supervisor_ends_the_container_and_is_on_record(engine: Engine) -> None:
    told = engine.box("sh", "-c", "echo here; sleep 1000")
    until(lambda: engine.log() == "here\n")
    first, *_ = engine.supervisors()
    os.kill(first, signal.SIGKILL)
    until(lambda: engine.state()["Status"] == "exited" and not engine.supervisors())
    assert engine.state()["ExitCode"] == 137
    assert processes_of(told) == []
    engine("start", "box")
    until(lambda: engine.log() == "here\nhere\n")


def test_a_kill_of_the_supervisor_is_answered_by_another_one_where_the_policy_says_so(engine: Engine) -> None:
    engine.box("sh", "-c", "echo here; sleep 1000", options=("--network", "none", "--restart", "always"))
    until(lambda: engine.log() == "here\n")
    os.kill(engine.supervisors()[0], signal.SIGKILL)
    until(lambda: engine.log() == "here\nhere\n")
    assert engine.state()["Status"] == "running"
    engine("stop", "box")
    assert engine.supervisors() == []


def test_a_kill_of_both_supervising_processes_is_cleaned_up_by_the_next_command(engine: Engine) -> None:
    told = engine.box("sleep", "1000")
    for number in reversed(engine.supervisors()):
        os.kill(number, signal.SIGKILL)
    until(lambda: not engine.supervisors())
    assert engine.state()["Status"] == "exited"
    assert engine("ps", "-q") == ""
    engine("rm", "box")
    assert processes_of(told) == []


def test_a_flood_is_logged_whole(engine: Engine) -> None:
    engine.box("sh", "-c", "seq 1 200000")
    engine("wait", "box")
    until(lambda: engine.log().endswith("200000\n"))
    assert engine.log() == "".join(f"{number}\n" for number in range(1, 200001))


def test_many_at_once_get_along(engine: Engine) -> None:
    engine("pack", BUSYBOX, "-t", "busybox")
    words = [str(engine.program), "run", "-d", "--network", "none", "busybox", "sleep", "1000"]
    starts = [
        subprocess.Popen(words, env=engine.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(12)
    ]
    told = {start.communicate()[0].strip() for start in starts}
    assert len(told) == 12
    assert set(engine("ps", "-q", "--no-trunc").splitlines()) == told
    engine("rm", "-f", *told)
    assert all(processes_of(one) == [] for one in told)
