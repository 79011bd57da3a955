"""Small things that people notice: what is said, and the exit code, where something isn't as usual."""

from __future__ import annotations

import signal
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.kept import Engine

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


@pytest.mark.parametrize(("place", "why"), [(">&-", "it is closed"), (">/dev/full", "no space left on device")])
@pytest.mark.parametrize("verb", ["run -d", "create"])
def test_a_container_whose_id_can_not_be_written_is_there_none_the_less(
    engine: Engine, verb: str, place: str, why: str
) -> None:
    """As with docker, which says nothing at all."""
    line = f"exec {engine.program} {verb} --name box --network none {BUSYBOX} sleep 1000 {place}"
    done = subprocess.run(
        ["sh", "-c", line], env=engine.environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )  # fmt: skip
    told = engine("ps", "-aq")
    assert done.returncode == 0, done.stderr
    assert (
        done.stderr
        == f"whit: warning: container {told} is made, but its ID can't be written to standard output: {why}\n"
    )


def test_removing_by_force_what_is_not_there_is_told_and_no_failure(engine: Engine) -> None:
    engine("create", "--name", "box", "--network", "none", BUSYBOX, "true")
    done = engine.run("rm", "-f", "none", "box")
    assert (done.returncode, done.stdout) == (0, "box\n")
    assert done.stderr.startswith("whit: there is no container none\nhint: ")
    assert engine.run("rm", "none").returncode == 1


def test_who_follows_a_log_and_has_seen_enough_is_told_nothing(engine: Engine) -> None:
    engine.box("sh", "-c", "echo ready; exec sleep 1000")
    words: list[str | Path] = [engine.program, "logs", "-f", "box"]
    with subprocess.Popen(
        words, env=engine.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        assert following.stdout.readline() == "ready\n"
        following.send_signal(signal.SIGINT)
        assert (following.wait(60), following.stderr.read()) == (130, "")


def test_who_is_attached_to_a_container_that_is_removed_is_told_that_it_was_killed(engine: Engine) -> None:
    engine.box("sh", "-c", "echo ready; exec sleep 1000")
    with subprocess.Popen(
        [engine.program, "attach", "box"], env=engine.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as attached:
        until(lambda: "attach" in engine("events", "--since", "1h", "--until", "0s", "--format", "{{.Action}}"))
        engine("rm", "-f", "box")
        assert attached.wait(60) == 128 + signal.SIGKILL


def test_which_folder_of_a_store_can_not_be_written_is_told(engine: Engine) -> None:
    engine("create", "--name", "box", "--network", "none", BUSYBOX, "true")
    seen = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    for words, said in {
        ("start", "box"): "can't lock the container box",
        ("rename", "box", "other"): "can't rename the container box",
        ("network", "create", "inner"): "can't change networks",
        ("system", "restore"): "can't bring containers back",
    }.items():
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", seen, engine.root, engine.program, *words],
            env=engine.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        why, hint = done.stderr.splitlines()
        assert why == f"whit: {said}: the file system is read-only"
        assert hint.startswith(f"hint: set WHIT_ROOT to a folder that can be written; this is {engine.root}")


def test_settings_of_another_version_are_told_as_such(engine: Engine) -> None:
    """A supervisor that takes another one's place reads them; a start writes them anew."""
    engine("create", "--name", "box", "--network", "none", BUSYBOX, "true")
    settings = engine.folder() / "supervision"
    settings.write_bytes(settings.read_bytes()[:-1])
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, its:
        words: list[str | Path] = [engine.program, "_supervise", engine.folder(), str(its.fileno())]
        subprocess.run(
            words, env=engine.environment, stdin=subprocess.DEVNULL, check=False, pass_fds=[its.fileno()], timeout=60
        )
        ours.settimeout(60)
        said = ours.recv(4096).decode()
    assert "the container's settings are of another version of whit, or damaged: start it anew" in said
    engine("start", "box")
