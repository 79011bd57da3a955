"""What a container uses and when it runs out of memory, on the cgroups that this machine has; runc is the oracle."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.oci_bundle import make_bundle
from tests.peers import find_peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.oci_bundle import Bundle

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

LIMITS = {
    "linux": {
        "resources": {
            "memory": {"limit": 64 << 20},
            "cpu": {"quota": 50_000, "period": 100_000, "cpus": "0"},
            "pids": {"limit": 20},
        }
    }
}


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def name() -> str:
    return f"whit-test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def running(bundle: Bundle, name: str) -> Iterator[Callable[..., Bundle]]:
    """Start a container of a shell's script, and remove it in the end."""

    def start(script: str, change: dict[str, Any] | None = None, of: Bundle = bundle) -> Bundle:
        of.write(script, change)
        assert of.create(name) == 0
        assert of.call("start", name).code == 0
        return of

    yield start
    bundle.call("delete", "--force", name)


def shape(document: Any) -> Any:
    """Which members there are, and of what kind."""
    if isinstance(document, dict):
        return {key: shape(value) for key, value in document.items()}
    return [shape(document[0])] if isinstance(document, list) and document else type(document).__name__


def without_zeros(document: Any) -> Any:
    """runc leaves out some zeros, and a counter may be one at one time and not at another."""
    if isinstance(document, dict):
        return {key: without_zeros(value) for key, value in document.items() if value not in (0, {}, [])}
    return document


@pytest.mark.peer("runc")
def test_the_stats_have_runc_s_members(
    running: Callable[..., Bundle], bundle: Bundle, name: str, tmp_path: Path
) -> None:
    runc, busybox = find_peer("runc"), find_peer("busybox-static")
    assert runc is not None
    assert busybox is not None
    script = "i=0; while test $i -lt 2000; do i=$((i + 1)); done; echo done >/tmp/done; sleep 1000"
    made = {}
    for which in (bundle, make_bundle(tmp_path / "other", busybox, runc)):
        running(script, LIMITS, which)
        assert wait_for((which.rootfs / "tmp" / "done").exists)
        answer = json.loads(which.call("events", "--stats", name).out)
        assert (answer["type"], answer["id"]) == ("stats", name)
        made[which] = answer["data"]
        which.call("delete", "--force", name)
    mine, theirs = made.values()
    assert mine["memory"]["usage"]["limit"] == theirs["memory"]["usage"]["limit"] == 64 << 20
    assert mine["pids"] == theirs["pids"] == {"current": 1, "limit": 20}
    assert mine["cpuset"] == theirs["cpuset"]
    assert mine["cpu"]["usage"]["total"] > 0
    assert set(mine) == set(theirs)
    for part in ("memory", "cpu"):
        # What is nothing in one of them may be something in the other.
        lacking = shape(without_zeros(theirs[part]))
        for key in ("throttling", "kernel", "kernelTCP", "cache"):
            lacking.pop(key, None)
        assert set(lacking) <= set(mine[part])
    assert set(mine["memory"]["raw"]) == set(theirs["memory"]["raw"])
    assert set(mine["cpu"]["usage"]) == set(theirs["cpu"]["usage"])


def test_events_tell_of_a_kill_for_memory_and_end_with_the_container(running: Callable[..., Bundle], name: str) -> None:
    # A big block in a child of its own: the shell outlives it, and ends when it is told.
    script = "while ! test -e /data/go; do sleep 0.1; done; dd if=/dev/zero of=/dev/null bs=64M count=1; sleep 1000"
    bundle = running(script, {"linux": {"resources": {"memory": {"limit": 16 << 20, "swap": 16 << 20}}}})
    out = bundle.folder / "events"
    with out.open("wb") as stream:
        watcher = subprocess.Popen(bundle.command("events", "--interval", "100ms", name), stdout=stream)
    try:
        assert wait_for(lambda: b"stats" in out.read_bytes())
        (bundle.rootfs / "data" / "go").touch()
        assert wait_for(lambda: b"oom" in out.read_bytes())
        assert bundle.call("kill", name, "KILL").code == 0
        assert watcher.wait(60) == 0
    finally:
        watcher.kill()
        watcher.wait()
    kinds = {(event["type"], event["id"]) for event in map(json.loads, out.read_text().splitlines())}
    assert kinds == {("stats", name), ("oom", name)}


def test_kill_all_reaches_every_process_of_a_container_that_shares_the_host_s(
    running: Callable[..., Bundle], name: str
) -> None:
    namespaces = [{"type": kind} for kind in ("network", "ipc", "uts", "mount", "cgroup")]
    bundle = running("for i in 1 2 3; do sleep 1000 & done; wait", {"linux": {"namespaces": namespaces}})
    lines = (bundle.folder / "state" / name / "cgroups").read_text().splitlines()
    folders = [Path(line.partition(":")[2]) for line in lines]

    def members() -> set[int]:
        return {len((folder / "cgroup.procs").read_text().split()) for folder in folders}

    assert wait_for(lambda: members() == {4})
    assert bundle.call("kill", name, "KILL").code == 0
    assert wait_for(lambda: members() == {3})
    assert bundle.call("kill", "--all", name, "TERM").code == 0
    assert wait_for(lambda: members() == {0})
    assert bundle.call("delete", name).code == 0
    assert not any(folder.exists() for folder in folders)
