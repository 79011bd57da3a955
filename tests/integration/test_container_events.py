"""``whit events`` of real containers."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.peers import find_peer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit


@pytest.fixture
def name(run_whit: RunWhit) -> Iterator[str]:
    """A container's name; what has it is removed."""
    yield "sleeper"
    run_whit("rm", "--force", "sleeper")


def start(run_whit: RunWhit, name: str, *options: str) -> None:
    busybox = find_peer("busybox-static")
    assert busybox is not None
    result = run_whit("run", "-d", "--network", "none", "--name", name, *options, busybox, "sleep", "10000")
    assert result.returncode == 0, result.stderr


@pytest.mark.root
@pytest.mark.peer("busybox-static")
def test_what_happens_to_a_container_is_told_in_docker_s_words(run_whit: RunWhit, name: str) -> None:
    # given a container to which much has happened
    start(run_whit, name, "--label", 'says="a \\ b"', "--stop-signal", "KILL")
    for words in (
        ("pause", name), ("unpause", name), ("rename", name, "other"), ("stop", "other"), ("restart", "other"),
        ("rm", "--force", "other"),
    ):  # fmt: skip
        assert run_whit(*words).returncode == 0
    # when the events are asked for
    shown = run_whit("events", "--since", "1h", "--until", "0s", "--filter", "type=container", "--format", "json")
    events = [json.loads(line) for line in shown.stdout.splitlines()]
    attributes = [event["Actor"]["Attributes"] for event in events]
    # then all of it is there, in order, with its attributes
    assert [event["Action"] for event in events] == [
        "create", "start", "pause", "unpause", "rename", "kill", "die", "stop", "start", "restart", "kill", "die", "destroy",
    ]  # fmt: skip
    assert all(one["says"] == '"a \\ b"' for one in attributes)
    assert [one["name"] for one in attributes] == [name] * 4 + ["other"] * 9
    assert attributes[4]["oldName"] == f"/{name}"
    assert attributes[5]["signal"] == "9"
    assert attributes[6]["exitCode"] == "137"
    # and one can be picked out
    filtered = run_whit("events", "--since", "1h", "--until", "0s", "-f", "container=other", "-f", "event=die")
    assert len(filtered.stdout.splitlines()) == 2
    assert " container die " in filtered.stdout
    assert "(exitCode=137, image=" in filtered.stdout


@pytest.mark.root
@pytest.mark.peer("busybox-static")
def test_what_happens_is_told_as_it_happens(run_whit: RunWhit, whit: Path, whit_root: Path, name: str) -> None:
    # given somebody who waits for health
    words = [
        "events",
        "--since",
        "1h",
        "--filter",
        "event=health_status",
        "--format",
        "{{.Action}} {{.Actor.Attributes.name}}",
    ]
    with subprocess.Popen(
        [whit, *words], env={**os.environ, "WHIT_ROOT": str(whit_root)}, stdout=subprocess.PIPE, text=True
    ) as watcher:
        # when a container is started that is well
        start(run_whit, name, "--health-cmd", '["/busybox", "true"]', "--health-interval", "100ms")
        assert watcher.stdout is not None
        said = watcher.stdout.readline()
        watcher.kill()
    # then it is told
    assert said == f"health_status: healthy {name}\n"


@pytest.mark.root
@pytest.mark.peer("busybox-static")
def test_the_supervisor_makes_room_where_the_file_is_large_and_leaves_what_is_damaged(
    run_whit: RunWhit, whit_root: Path, name: str
) -> None:
    # given a container that runs, and a file of events that has become large, its last line cut off
    start(run_whit, name)
    with (whit_root / "events").open("ab") as file:
        file.write(b"x" * (1 << 20) + b"\n" + b'{"Type":"cut off\n')
    # when the supervisor has something to tell
    assert run_whit("kill", name).returncode == 0
    assert run_whit("wait", name).stdout == "137\n"
    # then another file is begun, and nothing that happened is lost
    assert b'"Action":"kill"' in (whit_root / "events.1").read_bytes()
    assert b'"Action":"die"' in (whit_root / "events").read_bytes()
    shown = run_whit("events", "--since", "1h", "--until", "0s", "-f", "type=container", "--format", "{{.Action}}")
    assert shown.stdout.split() == ["create", "start", "kill", "die"]


@pytest.mark.root
@pytest.mark.peer("busybox-static")
def test_what_is_executed_in_a_container_is_told_the_first_time_and_by_a_kept_plan(
    run_whit: RunWhit, name: str
) -> None:
    # given programs that were executed in a container: twice with the very same words, one that isn't there, one left alone
    start(run_whit, name)
    shell = ("exec", name, "/busybox", "sh", "-c", 'echo "\\é"; exit 3')
    for code, words in ((3, shell), (3, shell), (127, ("exec", name, "none")), (0, ("exec", "-d", name, "/busybox"))):
        assert run_whit(*words).returncode == code
    # when their events are asked for
    told = ("events", "--since", "1h", "--until", "0s", "--format", "json")
    filters = ("exec_create", "exec_start", "exec_die")
    shown = run_whit(*told, *(word for action in filters for word in ("--filter", f"event={action}")))
    events = [json.loads(line) for line in shown.stdout.splitlines()]
    # then the beginning is told of each, and the end of each that was waited for
    actions = [event["Action"] for event in events]
    command = '/busybox sh -c echo "\\é"; exit 3'
    run = [f"exec_create: {command}", f"exec_start: {command}", "exec_die"]
    assert actions == [
        *run,
        *run,
        "exec_create: none ",
        "exec_start: none ",
        "exec_create: /busybox ",
        "exec_start: /busybox ",
    ]
    # and what belongs together has the same name
    attributes = [event["Actor"]["Attributes"] for event in events]
    assert [one.get("exitCode") for one in attributes[:6]] == [None, None, "3"] * 2
    assert len({one["execID"] for one in attributes}) == 4
    assert len({one["execID"] for one in attributes[:3]}) == 1
    assert {one["name"] for one in attributes} == {name}


@pytest.mark.root
@pytest.mark.peer("busybox-static")
def test_what_happens_to_volumes_and_images_is_told(run_whit: RunWhit, name: str) -> None:
    # given a container with a volume, of which an image is made, and all of it is removed
    start(run_whit, name, "-v", "data:/data:ro", "--writable")
    for words in (
        ("commit", name, "made:1"), ("stop", "-t", "0", name), ("rm", name), ("volume", "rm", "data"), ("rmi", "made:1"),
        ("volume", "prune", "--force"), ("image", "prune", "--force"), ("container", "prune", "--force"),
    ):  # fmt: skip
        assert run_whit(*words).returncode == 0
    # when the events of each kind are asked for
    told = ("events", "--since", "1h", "--until", "0s", "--format", "{{.Type}} {{.Action}} {{json .Actor.Attributes}}")
    lines = [line.split(" ", 2) for line in run_whit(*told).stdout.splitlines()]
    # then it is told in docker's words
    volumes = [(action, json.loads(more)) for kind, action, more in lines if kind == "volume"]
    container = volumes[1][1]["container"]
    assert volumes == [
        ("create", {"driver": "local"}),
        ("mount", {"container": container, "destination": "/data", "driver": "local", "propagation": "", "read/write": "false"}),
        ("unmount", {"container": container, "driver": "local"}),
        ("destroy", {"driver": "local"}),
        ("prune", {"reclaimed": "0"}),
    ]  # fmt: skip
    images = [(action, json.loads(more).get("name", "")) for kind, action, more in lines if kind == "image"]
    assert images[1:3] == [("tag", "made:1"), ("untag", "made:1")]
    assert [action for action, _ in images[3:]] == ["delete", "prune"]
    assert ("container", "commit") in {(kind, action) for kind, action, _ in lines}
    # and a volume's are picked out by its name
    picked = run_whit("events", "--since", "1h", "--until", "0s", "--filter", "volume=data", "--format", "{{.Action}}")
    assert picked.stdout.split() == ["create", "mount", "unmount", "destroy"]


@pytest.mark.root
def test_what_happens_to_networks_is_told(run_whit: RunWhit) -> None:
    assert run_whit("network", "create", "told").returncode == 0
    assert run_whit("network", "rm", "told").returncode == 0
    shown = run_whit(
        "events", "--since", "1h", "--until", "0s", "-f", "network=told", "--format", "{{.Type}} {{.Action}}"
    )
    assert shown.stdout.splitlines() == ["network create", "network destroy"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--until", "0s", "--filter", "colour=red"), "no filter 'colour'"),
        (("--until", "0s", "--format", "{{.Foo}}"), "field .Foo isn't there"),
        (("--since", "soon"), "--since 'soon' is no time"),
    ],
)
def test_what_is_wrong_is_told(run_whit: RunWhit, words: tuple[str, ...], message: str) -> None:
    result = run_whit("events", *words)
    assert result.returncode != 0
    assert message in result.stderr
    assert "hint:" in result.stderr


def test_events_of_the_past_end_at_until(run_whit: RunWhit) -> None:
    result = run_whit("events", "--since", "1h", "--until", "0s")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
