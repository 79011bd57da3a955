"""Containers come back after the machine's restart, as far as killing everything and removing what a restart removes is one."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.crashing import crash, running
from tests.integration.kept import BUSYBOX, Engine, until

if TYPE_CHECKING:
    from tests.integration.conftest import User

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]

STAY = ("sh", "-c", "echo here; trap 'exit 0' TERM; while true; do sleep 0.1; done")
ALWAYS, UNLESS = ("--network", "none", "--restart", "always"), ("--network", "none", "--restart", "unless-stopped")


def test_the_policy_says_which_come_back(engine: Engine) -> None:
    # given containers of every policy, some of which were stopped
    engine.box(*STAY, name="never")
    engine.box(*STAY, name="failing", options=("--network", "none", "--restart", "on-failure"))
    engine("run", "-d", "--rm", "--name", "removed", "--network", "none", BUSYBOX, *STAY)
    for name, options in (("always", ALWAYS), ("stopped-always", ALWAYS), ("unless", UNLESS), ("stopped", UNLESS)):
        engine.box(*STAY, name=name, options=options)
    engine("stop", "stopped-always", "stopped")
    engine("create", "--name", "unstarted", *ALWAYS, BUSYBOX, *STAY)
    # when the machine is restarted
    crash(engine)
    assert running(engine) == set()
    # then those come back that are to
    assert set(engine("system", "restore").split()) == {"always", "stopped-always", "unless"}
    assert running(engine) == {"always", "stopped-always", "unless"}, engine("ps", "-a")
    # of the others nothing is left, and of the one that was to be removed at its end nothing at all
    assert len(list((engine.root / "oci").glob("[0-9a-f]*"))) == 3
    assert engine.run("inspect", "removed").returncode == 1
    # and there is nothing more to do
    assert engine("system", "restore") == ""


def test_twice_at_once_each_comes_back_once(engine: Engine) -> None:
    names = [f"box{number}" for number in range(3)]
    for name in names:
        engine.box(*STAY, name=name, options=ALWAYS)
    crash(engine)
    words: list[str | Path] = [engine.program, "system", "restore"]
    both = [
        subprocess.Popen(words, env=engine.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [one.communicate(timeout=60) for one in both]
    assert ([one.returncode for one in both], [said for _, said in told]) == ([0, 0], ["", ""])
    assert sorted("".join(out for out, _ in told).split()) == names
    assert running(engine) == set(names)
    assert all(len(engine.supervisors(name)) == 2 for name in names)


def test_starts_by_hand_at_the_same_time_do_no_harm(engine: Engine) -> None:
    engine("network", "create", "made")
    names = [f"box{number}" for number in range(3)]
    try:
        for name in names:
            engine.box(*STAY, name=name, options=("--network", "made", "--restart", "always"))
        crash(engine)
        lines = ["system", "restore"], ["start", *names], ["start", *reversed(names)]
        at_once = [
            subprocess.Popen(
                [engine.program, *line], env=engine.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            for line in lines
        ]
        for one in at_once:
            one.wait(timeout=60)
        # then each runs once, and is in its network
        assert running(engine) == set(names)
        assert all(len(engine.supervisors(name)) == 2 for name in names)
        addresses = [engine("inspect", "-f", "{{.NetworkSettings.IPAddress}}", name) for name in names]
        assert len(set(addresses)) == len(names)
        assert "" not in addresses
    finally:
        engine.clean()
        engine("network", "rm", "made")


def test_networks_are_there_again_and_one_that_shares_another_s_comes_after_it(engine: Engine) -> None:
    engine("network", "create", "made")
    try:
        # named so that neither order of names is the right one
        for name in ("b-base", "y-base"):
            engine.box(*STAY, name=name, options=("--network", "made", "--restart", "always"))
        engine.box(*STAY, name="a-shares", options=("--network", "container:b-base", "--restart", "always"))
        engine.box(*STAY, name="z-shares", options=("--network", "container:y-base", "--restart", "always"))
        engine.box(*STAY, name="p-shares", options=(*ALWAYS, "--pid", "container:z-shares"))
        crash(engine)
        told = engine("system", "restore").split()
        assert sorted(told) == ["a-shares", "b-base", "p-shares", "y-base", "z-shares"]
        assert told.index("z-shares") < told.index("p-shares")
        for one, other in (("a-shares", "b-base"), ("z-shares", "y-base")):
            assert told.index(other) < told.index(one)
            inside = [Path(f"/proc/{engine.state(name)['Pid']}/ns/net").readlink() for name in (one, other)]
            assert inside[0] == inside[1]
        assert engine("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "b-base") != ""
    finally:
        engine.clean()
        engine("network", "rm", "made")


def test_one_that_can_t_come_back_is_told_of_and_keeps_no_other(engine: Engine) -> None:
    engine.box(*STAY, name="good", options=ALWAYS)
    engine.box(*STAY, name="bad", options=ALWAYS)
    crash(engine)
    (engine.folder("bad") / "bundle" / "config.json").write_text("{")
    done = engine.run("system", "restore")
    assert done.returncode == 1
    assert done.stdout.split() == ["good"]
    assert "container bad: " in done.stderr
    assert running(engine) == {"good"}


@pytest.mark.peer("setpriv")
def test_a_user_s_containers_come_back_too(user: User) -> None:
    engine = Engine(user.program, user.store)
    words = ("run", "-d", "--name", "mine", "--network", "none", "--restart", "always", BUSYBOX, "sleep", "1000")
    assert user.run(*words).returncode == 0
    try:
        first = user.run("inspect", "-f", "{{.State.Pid}}", "mine").stdout
        for number in (*reversed(engine.supervisors("mine")), int(first)):
            os.kill(number, signal.SIGKILL)
        until(lambda: not engine.supervisors("mine"))
        done = user.run("system", "restore")
        assert (done.returncode, done.stdout, done.stderr) == (0, "mine\n", "")
        assert user.run("inspect", "-f", "{{.State.Running}}", "mine").stdout == "true\n"
        assert "WantedBy=default.target" in user.run("generate", "systemd").stdout
    finally:
        user.run("rm", "-f", "mine")


def test_without_a_store_there_is_nothing_to_do(engine: Engine) -> None:
    assert engine("system", "restore") == ""


def test_a_container_s_unit_starts_and_stops_it(engine: Engine, tmp_path: Path) -> None:
    engine.box(*STAY, options=("--network", "none", "--stop-timeout", "3"))
    told = engine.folder().name
    lines = engine("generate", "systemd", "box").splitlines()
    assert lines[0] == f"# container-{told}.service"
    settings = dict(line.partition("=")[::2] for line in lines)
    assert settings["ExecStart"] == f"{engine.program} start {told}"
    assert settings["ExecStop"] == f"{engine.program} stop {told}"
    assert settings["Environment"] == f"WHIT_ROOT={engine.root}"
    assert settings["TimeoutStopSec"] == "13"
    # with its name, into a file
    done = subprocess.run(
        [engine.program, "generate", "systemd", "--files", "--name", "box"],
        env=engine.environment, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    place = tmp_path / "container-box.service"
    assert done.stdout.strip() == str(place)
    assert f"ExecStart={engine.program} start box\n" in place.read_text()


def test_the_store_s_unit_restores_it(engine: Engine) -> None:
    text = engine("generate", "systemd")
    assert text.startswith("# whit-restore.service\n")
    assert f"ExecStart={engine.program} system restore\n" in text
    assert "WantedBy=multi-user.target" in text


def test_on_sigterm_to_the_supervisor_as_at_a_shutdown_one_is_stopped_and_still_comes_back(engine: Engine) -> None:
    engine.box(*STAY, options=UNLESS)
    until(lambda: engine.log() == "here\n")
    os.kill(engine.supervisors()[0], signal.SIGTERM)
    until(lambda: not engine.supervisors())
    assert engine.state()["ExitCode"] == 0
    assert engine("system", "restore") == "box"


def test_a_start_is_not_lost_because_somebody_looks_just_then(engine: Engine) -> None:
    engine.box(*STAY)
    engine("stop", "-t", "0", "box")
    with (engine.folder() / "lock").open() as looking:
        # given a listing that asks whether it has a supervisor
        fcntl.flock(looking, fcntl.LOCK_SH)
        starting = subprocess.Popen([engine.program, "start", "box"], env=engine.environment, stdout=subprocess.PIPE)
        until(lambda: bool(engine.supervisors()) or starting.poll() is not None)
    # when it has its answer, then the container is started
    assert starting.communicate(timeout=60)[0] == b"box\n"
    assert running(engine) == {"box"}
