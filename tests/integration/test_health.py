"""Whether a container is well: by a program, a connection or a request; what came of it; and that a probe ends with its time."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.kept import BUSYBOX, Engine, processes_of, until
from whit.packer.image.oci import CONFIG
from whit.packer.image.reference import parse_reference
from whit.packer.image.spec import HealthCheck
from whit.packer.store.store import Store

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]

OFTEN = ("--network", "none", "--health-interval", "100ms", "--health-retries", "2")
SERVE = ("httpd", "-f", "-p", "8080", "-h", "/tmp")
SECOND = 1_000_000_000


def probed(script: str, *options: str) -> tuple[str, ...]:
    """Options of a container whose probe is a script of busybox's."""
    words = script.replace("\\", "\\\\").replace('"', '\\"')
    return (*OFTEN, *options, "--health-cmd", f'["/busybox", "sh", "-c", "{words}"]')


def health(engine: Engine, name: str = "box") -> dict[str, Any]:
    found: dict[str, Any] = engine.state(name)["Health"]
    return found


def last(engine: Engine, name: str = "box") -> tuple[int, str]:
    """The last result's exit code and output."""
    result = health(engine, name)["Log"][-1]
    return result["ExitCode"], result["Output"]


def becomes(engine: Engine, wanted: str, name: str = "box") -> None:
    until(lambda: health(engine, name)["Status"] == wanted, f"{name} is {wanted}")


def test_a_program_says_whether_it_is_well_and_its_output_is_kept(engine: Engine) -> None:
    # given a probe that succeeds as long as there is a file
    engine.box(
        "sh", "-c", "touch /tmp/well; sleep 1000",
        options=probed('echo "it \\ is"; printf "\\001\\377"; cat /tmp/well'),
    )  # fmt: skip
    becomes(engine, "healthy")
    assert last(engine) == (0, "it \\ is\n\x01�")
    # when there is none any more
    engine("exec", "box", "/busybox", "rm", "/tmp/well")
    # then it is unwell after as many failures as were asked for
    becomes(engine, "unhealthy")
    assert health(engine)["FailingStreak"] >= 2
    assert last(engine) == (1, "it \\ is\n\x01�cat: can't open '/tmp/well': No such file or directory\n")
    assert "(unhealthy)" in engine("ps")
    # and well again at once
    engine("exec", "box", "/busybox", "touch", "/tmp/well")
    becomes(engine, "healthy")
    assert health(engine)["FailingStreak"] == 0


def test_the_last_five_results_are_kept_with_their_times_and_much_output_is_cut(engine: Engine) -> None:
    engine.box("sleep", "1000", options=probed("head -c 100000 /dev/zero | tr '\\0' '\\n'"))
    until(lambda: len(health(engine)["Log"]) == 5)
    first = health(engine)["Log"]
    assert [(result["ExitCode"], result["Output"]) for result in first] == [(0, "\n" * 4096)] * 5
    times = [time for result in first for time in (result["Start"], result["End"])]
    assert times == sorted(times)
    until(lambda: health(engine)["Log"][0]["Start"] > first[0]["Start"])
    assert len(health(engine)["Log"]) == 5


def test_a_probe_that_hangs_is_ended_with_all_of_it_and_what_it_had_said_is_told(engine: Engine) -> None:
    told = engine.box("sleep", "1000", options=probed("echo waiting; sleep 1000", "--health-timeout", "500ms"))
    becomes(engine, "unhealthy")
    code, said = last(engine)
    assert (code, said) == (-1, "no answer within 500 ms: waiting\n")
    # then of the probes that hung none is there: the container's own process, and at most the one that hangs now
    until(lambda: len(processes_of(told)) == 1)
    engine("stop", "-t", "0", "box")
    assert processes_of(told) == []


def test_a_container_s_end_ends_its_probe(engine: Engine) -> None:
    told = engine.box("sh", "-c", "echo here; sleep 1000", options=probed("touch /tmp/begun; sleep 1000"))
    until(lambda: len(processes_of(told)) >= 2)
    os.kill(engine.state()["Pid"], signal.SIGKILL)
    assert engine("wait", "box") == "137"
    until(lambda: not engine.supervisors())
    assert processes_of(told) == []
    assert engine.run("inspect", "-f", "{{.State.Health}}", "box").returncode == 0


def test_a_request_is_answered_well_or_not_and_the_answer_is_told(engine: Engine) -> None:
    engine.box(
        "sh",
        "-c",
        "mkdir /tmp/ok; echo hi >/tmp/ok/x; exec /busybox " + " ".join(SERVE),
        options=(*OFTEN, "--health-http", ":8080/ok/x"),
    )
    becomes(engine, "healthy")
    assert last(engine) == (0, "HTTP/1.1 200 OK")
    engine("exec", "box", "/busybox", "rm", "/tmp/ok/x")
    becomes(engine, "unhealthy")
    assert last(engine) == (1, "HTTP/1.1 404 Not Found")


SERVERS = (
    ("sleep 1000", "http", (1, "Connection refused")),
    ("sleep 1000", "tcp", (1, "Connection refused")),
    # It takes the connection, and that is all: the kernel does it for a program that stands still.
    (
        "/busybox httpd -f -p 8080 & sleep 0.3; kill -STOP $!; while true; do sleep 1; done",
        "http",
        (-1, "no answer within 300 ms"),
    ),
    ("while true; do echo | nc -l -p 8080 >/dev/null; done", "http", (1, "the answer was empty")),
    (
        "while true; do (printf HTT; sleep 0.1; printf 'P/1.0 204 No Content\\r\\n\\r\\n') | nc -l -p 8080 >/dev/null; done",
        "http",
        (0, "HTTP/1.0 204 No Content"),
    ),
    ("exec /busybox httpd -f -p 8080", "tcp", (0, "connected")),
)


def test_what_a_server_does_is_told(engine: Engine) -> None:
    for number, (serving, probe, _) in enumerate(SERVERS):
        options = (*OFTEN, "--health-timeout", "300ms", f"--health-{probe}", ":8080")
        engine.box("sh", "-c", serving, name=f"server{number}", options=options)
    for number, (_, _, wanted) in enumerate(SERVERS):
        comes(engine, wanted, f"server{number}")


def test_failures_in_the_time_that_a_start_may_take_don_t_count(engine: Engine) -> None:
    options = (*OFTEN, "--health-start-period", "1h", "--health-start-interval", "50ms", "--health-tcp", ":8080")
    engine.box(
        "sh", "-c", "until test -e /tmp/go; do sleep 0.05; done; exec /busybox " + " ".join(SERVE), options=options
    )
    until(lambda: len(health(engine)["Log"]) == 5)
    assert (health(engine)["Status"], health(engine)["FailingStreak"]) == ("starting", 0)
    assert "(health: starting)" in engine("ps")
    engine("exec", "box", "/busybox", "touch", "/tmp/go")
    becomes(engine, "healthy")


def test_one_that_is_paused_isn_t_probed(engine: Engine) -> None:
    engine.box("sleep", "1000", options=probed("true", "--health-timeout", "3s"))
    becomes(engine, "healthy")
    engine("pause", "box")
    before = health(engine)["Log"][-1]["Start"] if "Health" in engine.state() else ""
    until(lambda: engine.state()["Paused"])
    engine("unpause", "box")
    until(lambda: health(engine)["Log"][-1]["Start"] > before)
    assert all(one["ExitCode"] == 0 for one in health(engine)["Log"][-1:])
    assert health(engine)["Status"] == "healthy"


def comes(engine: Engine, wanted: tuple[int, str], name: str) -> None:
    def is_there() -> bool:
        return wanted in [(one["ExitCode"], one["Output"]) for one in health(engine, name)["Log"]]

    until(is_there, f"{name}: {wanted}")


def with_health(engine: Engine, check: HealthCheck) -> None:
    """Give the image ``box`` a probe of its own."""
    store = Store(engine.root)
    image = store.resolve("box")
    config = replace(image.config, run=replace(image.config.run, health=check))
    with store.adding() as layout:
        manifest = replace(image.manifest, config=layout.put(config.to_json(), CONFIG))
        store.add(layout.put(manifest.to_json(), manifest.media_type), (parse_reference("box"),))


def test_an_image_brings_its_own_probe_and_a_person_may_change_it_or_leave_it_out(engine: Engine) -> None:
    engine("pack", BUSYBOX, "-t", "box")
    with_health(engine, HealthCheck(("CMD", "/busybox", "echo", "image's"), interval=SECOND // 10, retries=7))
    for name, options in (("own", ()), ("changed", ("--health-retries", "9")), ("none", ("--no-healthcheck",))):
        engine("run", "-d", "--name", name, "--network", "none", *options, "box", "sleep", "1000")
    becomes(engine, "healthy", "own")
    assert last(engine, "own") == (0, "image's\n")
    wanted = "{{json .Config.Healthcheck.Test}} {{.Config.Healthcheck.Retries}}"
    assert engine("inspect", "-f", wanted, "own") == '["CMD","/busybox","echo","image\'s"] 7'
    assert engine("inspect", "-f", wanted, "changed") == '["CMD","/busybox","echo","image\'s"] 9'
    assert "Health" not in engine.state("none")
    assert engine("image", "inspect", "-f", "{{.Config.Healthcheck.Retries}}", "box") == "7"


def test_one_that_eats_memory_is_killed_for_it_and_that_is_told(engine: Engine) -> None:
    begun = engine.run(
        "run", "-d", "--name", "box", "--network", "none", "-m", "32m", BUSYBOX, "sh", "-c", "exec tail /dev/zero"
    )
    assert begun.returncode == 0, begun.stderr
    assert engine("wait", "box") == "137"
    until(lambda: engine.state()["Status"] == "exited")
    assert (engine.state()["OOMKilled"], engine.state()["ExitCode"]) == (True, 137)
    actions = engine(
        "events", "--since", "1h", "--until", "0s", "--filter", "container=box", "--format", "{{.Action}}"
    ).split("\n")
    assert actions[actions.index("oom") + 1] == "die"
    # one that ends by itself isn't
    engine.box("true", name="other", options=("--network", "none", "-m", "32m"))
    engine("wait", "other")
    assert engine.state("other")["OOMKilled"] is False
