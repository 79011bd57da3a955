"""``whit update``: limits and restart policy of containers, now and for the next start."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.kept import BUSYBOX, Engine, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


@pytest.fixture
def engine(whit: Path, tmp_path: Path) -> Iterator[Engine]:
    made = Engine(whit, tmp_path / "root")
    yield made
    made.clean()


def cgroup(engine: Engine, *names: str) -> str:
    """The first of these files of the container's cgroups that there is: v1's name and v2's."""
    container_id = engine("ps", "-aq", "--no-trunc")
    for name in names:
        for path in Path("/sys/fs/cgroup").glob(f"**/whit/{container_id}/{name}"):
            return path.read_text().strip()
    raise AssertionError(names)


def memory(engine: Engine) -> str:
    return cgroup(engine, "memory.limit_in_bytes", "memory.max")


def settings(engine: Engine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(engine("inspect", "--type", "container", "box"))[0]["HostConfig"]
    return found


def test_limits_change_at_once_and_hold_after_the_next_start(engine: Engine) -> None:
    # given a container with limits
    engine.box("sleep", "10000", options=("--network", "none", "-m", "64m", "--pids-limit", "50"))
    # when they are made larger and smaller
    assert engine("update", "--memory", "128m", "--cpus", "0.5", "--pids-limit", "20", "box") == "box"
    # then the kernel has them
    assert memory(engine) == str(128 << 20)
    assert cgroup(engine, "pids.max") == "20"
    # and after a start, too
    engine("restart", "-t", "0", "box")
    assert memory(engine) == str(128 << 20)
    assert cgroup(engine, "pids.max") == "20"
    assert (settings(engine)["Memory"], settings(engine)["NanoCpus"]) == (128 << 20, 500_000_000)
    engine("update", "--memory", "32m", "box")
    assert memory(engine) == str(32 << 20)


def test_one_that_does_not_run_has_them_when_it_starts(engine: Engine) -> None:
    engine("create", "--name", "box", "--network", "none", BUSYBOX, "sleep", "10000")
    engine("update", "--memory", "96m", "box")
    engine("start", "box")
    assert memory(engine) == str(96 << 20)


def test_a_restart_policy_is_obeyed_from_now_on(engine: Engine) -> None:
    # given a container that isn't started again
    engine.box("sleep", "10000")
    engine("update", "--restart", "on-failure:7", "box")
    assert settings(engine)["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 7}
    # when it is killed
    before = engine.state()["Pid"]
    os.kill(before, signal.SIGKILL)
    # then it is
    until(lambda: engine.state()["Status"] == "running" and engine.state()["Pid"] not in {0, before})
    # and no more once that is taken back
    engine("update", "--restart", "no", "box")
    os.kill(engine.state()["Pid"], signal.SIGKILL)
    until(lambda: engine.state()["Status"] == "exited")
    # and its supervisor's successor knows the policy, too
    engine("start", "box")
    engine("update", "--restart", "always", "box")
    first, *_ = engine.supervisors()
    before = engine.state()["Pid"]
    os.kill(first, signal.SIGKILL)
    until(lambda: engine.state()["Status"] == "running" and engine.state()["Pid"] not in {0, before})


def test_many_at_once_lose_nothing(engine: Engine) -> None:
    engine.box("sleep", "10000")
    options = (
        ("--memory", "64m"),
        ("--cpus", "0.5"),
        ("--pids-limit", "33"),
        ("--restart", "always"),
        ("--cpu-shares", "512"),
    )
    with ThreadPoolExecutor(len(options)) as pool:
        list(pool.map(lambda words: engine("update", *words, "box"), options))
    now = settings(engine)
    assert (now["Memory"], now["NanoCpus"], now["PidsLimit"]) == (64 << 20, 500_000_000, 33)
    assert now["RestartPolicy"]["Name"] == "always"


@pytest.mark.parametrize(
    ("words", "code", "out", "said"),
    [
        (("box",), 2, "", "you must provide one or more flags when using this command"),
        (("--memory", "1m", "box"), 1, "", "Minimum memory limit allowed is 6MB"),
        (("--pids-limit", "9", "nobox", "box"), 1, "box\n", "there is no container nobox"),
        (("--restart", "sometimes", "box"), 2, "", "--restart: 'sometimes' is no policy"),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing_there(
    engine: Engine, words: tuple[str, ...], code: int, out: str, said: str
) -> None:
    engine("create", "--name", "box", "--network", "none", BUSYBOX, "true")
    done = engine.run("update", *words)
    assert (done.returncode, done.stdout) == (code, out)
    assert done.stderr.startswith(f"whit: {said}")


def test_one_that_goes_with_its_end_is_never_started_again(engine: Engine) -> None:
    engine.box("sleep", "10000", options=("--network", "none", "--rm"))
    done = engine.run("update", "--restart", "always", "box")
    assert done.returncode == 1
    assert "Restart policy cannot be updated because AutoRemove is enabled for the container" in done.stderr
    os.kill(engine.state()["Pid"], signal.SIGKILL)
    until(lambda: engine("ps", "-aq") == "")


def test_what_the_kernel_refuses_is_told_and_not_written(engine: Engine) -> None:
    # given a container that holds more memory than it is to have, which the kernel can't take away
    engine.box(
        "sh",
        "-c",
        "head -c 40000000 /dev/zero > /tmp/held; echo held; sleep 10000",
        options=("--network", "none", "--tmpfs", "/tmp", "-m", "128m"),
    )
    until(lambda: engine.log() == "held\n")
    # when it is given less
    done = engine.run("update", "--memory", "8m", "box")
    # then on v1 that is an error, and the next start has what it had; on v2 the kernel takes it, and kills
    if done.returncode:
        assert "memory" in done.stderr
        assert settings(engine)["Memory"] == 128 << 20
    else:
        assert settings(engine)["Memory"] == 8 << 20
