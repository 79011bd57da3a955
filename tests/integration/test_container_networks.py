"""A container in several networks, joined and left while it is there, and what is left of that by whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.kept import BUSYBOX, PATIENCE_S, Engine, until
from tests.integration.netlab import CLIENT, HOST, lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.netlab import Lab

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer("nft", "ip", "setpriv", "unshare", "nsenter", "strace", "busybox-static"),
]

REFUSED = (
    ("--network host --network red", "--network host goes with no other network"),
    ("--network red --network red", "--network red is given twice"),
    ("--network red --network name=nonesuch", "there is no network nonesuch"),
    ("--network red --ip 10.78.0.1", "10.78.0.1 is not an address of the network red, 10.77.0.0/24"),
    ("--network red --ip 10.77.0.1", "10.77.0.1 is the gateway of the network red"),
    ("--network blue --ip6 fd00:77::9", "the network blue has no IPv6"),
    ("--network none --network-alias x", "--network none: names and addresses are given in networks of whit's only"),
    ("--network name=red,ip=10.77.0.4 --ip 10.77.0.5", "--ip: --network red has one already"),
    ("--network container:box -p 80", "--publish: the ports of --network container:box are published by that"),
    ("--network red --ip 10.77.0.9", "10.77.0.9 is taken in the network red, by box"),
    ("--network red --ip6 fd00:77::99", "fd00:77::99 is taken in the network red, by box"),
    ("--network red --mac-address 02:42:aa:00:00:01", "02:42:aa:00:00:01 is taken in the network red, by box"),
)
KILLS = tuple(
    (call, number)
    for call in ("rename", "sendto", "symlink", "unlink", "pwrite64", "flock", "vfork,clone,clone3")
    for number in (1, 2, 3, 5)
)


@dataclass(frozen=True, slots=True)
class Networked(Engine):
    """A whit on a host of the test's own, with networks."""

    def settings(self, name: str = "box") -> dict[str, Any]:
        """``NetworkSettings.Networks`` of inspect."""
        found: dict[str, Any] = json.loads(self("inspect", "-f", "{{json .NetworkSettings.Networks}}", name))
        return found

    def members(self, network: str) -> list[str]:
        """Who is in it now, by name."""
        return sorted(one["Name"] for one in json.loads(self("network", "inspect", network))[0]["Containers"].values())

    def hosts(self, name: str = "box") -> str:
        return (self.folder(name) / "hosts").read_text()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path / "lab") as made:
        yield made


@pytest.fixture
def engine(whit: Path, place: Lab, tmp_path: Path) -> Iterator[Networked]:
    """With two networks, of which nothing is left when their containers are gone."""
    before = place.traces()
    made = Networked(whit, tmp_path / "root", ("nsenter", f"--net=/proc/{place.host.pid}/ns/net"))
    made("network", "create", "--subnet", "10.77.0.0/24", "--subnet", "fd00:77::/64", "red")
    made("network", "create", "--subnet", "10.78.0.0/24", "blue")
    yield made
    made.clean()
    assert place.traces() == before
    assert list(made.root.glob("networks/*/leases/*")) == []


def test_a_container_is_in_each_network_that_is_named_with_the_addresses_that_are_asked_for(engine: Networked) -> None:
    engine.box("sleep", "1000", name="peer", options=("--network", "blue"))

    first = ("--network", "red", "--ip", "10.77.0.9", "--ip6", "fd00:77::99", "--mac-address", "02-42-AA-00-00-01")
    second = ("--network", "name=blue,alias=other,ip=10.78.0.9", "--network-alias", "one", "-p", "80")
    engine.box("sleep", "1000", options=(*first, *second))

    shown = engine("exec", "box", "/busybox", "ip", "address")
    for line in ("ether 02:42:aa:00:00:01", "inet 10.77.0.9/24", "inet6 fd00:77::99/64", "inet 10.78.0.9/24"):
        assert line in shown
    assert "default via 10.77.0.1 dev eth0" in engine("exec", "box", "/busybox", "ip", "route")
    red, blue = (engine.settings()[name] for name in ("red", "blue"))
    assert engine("ps", "--filter", f"network={red['NetworkID'][:12]}", "--format", "{{.Names}}") == "box"
    assert red["IPAMConfig"] == {"IPv4Address": "10.77.0.9", "IPv6Address": "fd00:77::99"}
    assert (red["Aliases"], red["GlobalIPv6Address"], red["MacAddress"]) == (
        ["one"],
        "fd00:77::99",
        "02:42:aa:00:00:01",
    )
    assert (blue["Aliases"], blue["IPAddress"], blue["Gateway"]) == (["other"], "10.78.0.9", "10.78.0.1")
    assert [engine.members(name) for name in ("red", "blue")] == [["box"], ["box", "peer"]]
    assert "10.78.0.9\tbox other " in engine.hosts("peer")
    assert " one" not in engine.hosts("peer")
    assert "\tpeer " in engine.hosts()
    for words in (("--format", "{{.Networks}}"), ("--filter", "network=blue", "--format", "{{.Networks}}")):
        assert "red,blue" in engine("ps", *words).splitlines()

    # and who can't be so is told, in one line, with nothing left
    for line, why in REFUSED:
        done = engine.run("run", "--rm", *line.split(), BUSYBOX, "true")
        assert (done.returncode, done.stderr.splitlines()[0][: len(f"whit: {why}")]) == (125, f"whit: {why}")
    assert engine("ps", "-a", "--format", "{{.Names}}").split() == ["box", "peer"]

    # and without --rm who only lacks a free address stays, as with docker, and starts once it is free
    taken = ("--network", "red", "--ip", "10.77.0.9")
    assert engine.run("run", "-d", "--name", "late", *taken, BUSYBOX, "sleep", "60").returncode == 125
    assert engine("ps", "-a", "--filter", "name=late", "--format", "{{.Status}}") == "Created"
    engine("rm", "-f", "box")
    engine("start", "late")
    assert engine.members("red") == ["late"]


def test_a_program_in_the_foreground_has_the_network_that_is_asked_for(engine: Networked) -> None:
    asks = (BUSYBOX, "nc", "-w", "60", CLIENT, "80")

    assert engine.run("run", "--network", "none", *asks).returncode == 1
    for words in (
        (),
        ("--network", "bridge"),
        ("--network", "red", "--network", "blue"),
        ("-p", "80"),
        ("--net", "host"),
    ):
        assert engine("run", "--rm", *words, *asks) == f"client 80 {HOST}"

    assert engine("ps", "-aq") == ""
    engine("network", "prune", "-f")


def test_a_network_is_joined_and_left_for_good_whether_the_container_runs_or_not(engine: Networked) -> None:
    engine("create", "--name", "box", "--network", "red", BUSYBOX, "sleep", "1000")
    engine.box("sleep", "1000", name="peer", options=("--network", "blue"))

    # while it doesn't run
    engine("network", "connect", "--ip", "10.78.0.9", "--alias", "other", "blue", "box")
    assert engine.settings()["blue"]["IPAMConfig"] == {"IPv4Address": "10.78.0.9"}
    assert engine.members("blue") == ["peer"]
    engine("start", "box")
    assert "10.78.0.9\tbox other " in engine.hosts("peer")

    # while it runs
    engine("network", "disconnect", "red", "box")
    engine("network", "connect", "bridge", "box")
    engine("rename", "box", "renamed")
    assert "10.78.0.9\trenamed other " in engine.hosts("peer")
    for restarts in (True, False):
        assert sorted(engine.settings("renamed")) == ["blue", "bridge"]
        assert "default via 10.78.0.1 " in engine("exec", "renamed", "/busybox", "ip", "route")
        assert engine.members("red") == []
        assert engine.members("bridge") == ["renamed"]
        if restarts:
            engine("restart", "-t", "0", "renamed")

    # and out of the last one, too
    for network in ("bridge", "blue"):
        engine("network", "disconnect", network, "renamed")
    engine("restart", "-t", "0", "renamed")
    assert engine.settings("renamed") == {}
    assert engine("exec", "renamed", "/busybox", "ls", "/sys/class/net") == "lo"


def test_what_cannot_be_joined_or_left_is_told(engine: Networked) -> None:
    engine("create", "--name", "box", "--network", "red", BUSYBOX, "true")
    engine("create", "--name", "alone", "--network", "none", BUSYBOX, "true")
    for words, why in (
        (("connect", "red", "box"), "container box is in the network red already"),
        (("connect", "host", "box"), "host is no network that a container can join or leave"),
        (("connect", "nonesuch", "box"), "there is no network nonesuch"),
        (("connect", "--ip", "10.77.0.9", "blue", "box"), "10.77.0.9 is not an address of the network blue"),
        (("connect", "--alias", "a b", "blue", "box"), "network blue: 'a b' can't be a host's name"),
        (("connect", "red", "alone"), "container alone was made with --network none"),
        (("disconnect", "blue", "box"), "container box isn't in the network blue"),
    ):
        done = engine.run("network", *words)
        assert (done.returncode != 0, done.stderr.splitlines()[0]) == (True, f"whit: {why}"[: len(done.stderr)]) or (
            done.stderr.startswith(f"whit: {why}")
        )
        assert "\nhint: " in done.stderr
    engine("network", "disconnect", "--force", "blue", "box")

    # a network that has been removed is left all the same
    engine("network", "rm", "red")
    assert engine.run("start", "box").stderr.startswith("whit: container box: there is no network red\n")
    engine("network", "disconnect", "red", "box")
    engine("start", "box")


def test_commands_at_once_lose_nothing_of_one_another(engine: Networked) -> None:
    # given a container that is started, renamed, updated and put into networks, all at the same time
    names = ["red", "blue", *(f"net{number}" for number in range(1))]
    for name in names[2:]:
        engine("network", "create", name)
    made = engine("create", "--name", "box", BUSYBOX, "sleep", "1000")
    commands = [
        ("start", made), ("rename", made, "other"), ("update", "--restart", "always", made),
        *(("network", "connect", name, made) for name in names),
    ]  # fmt: skip

    with ThreadPoolExecutor(len(commands)) as pool:
        done = list(pool.map(lambda words: engine.run(*words), commands))

    assert [(one.returncode, one.stderr) for one in done] == [(0, "")] * len(commands)
    assert sorted(engine.settings("other")) == sorted(["bridge", *names])
    assert all(engine.members(name) == ["other"] for name in ["bridge", *names])
    assert engine("inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", "other") == "always"


def test_one_that_waits_for_its_next_start_joins_at_once(engine: Networked) -> None:
    engine("run", "-d", "--name", "box", "--network", "red", "--restart", "always", BUSYBOX, "false")
    until(
        lambda: engine.state()["Status"] == "restarting" and engine("inspect", "-f", "{{.RestartCount}}", "box") > "2"
    )

    engine("network", "connect", "blue", "box")

    assert engine.members("blue") == ["box"]
    assert "eth1" in engine.on_host("nsenter", f"--net=/proc/{engine.supervisors()[0]}/ns/net", "ip", "link")


def test_one_whose_supervisor_was_killed_joins_by_the_one_that_took_its_place(engine: Networked) -> None:
    engine.box("sleep", "1000", options=("--network", "red", "--restart", "always"))
    first, second = engine.supervisors()
    os.kill(first, signal.SIGKILL)
    until(lambda: engine.supervisors()[:1] == [second] and engine.state()["Running"])

    engine("network", "connect", "blue", "box")

    assert [engine.members(name) for name in ("red", "blue")] == [["box"], ["box"]]
    assert "inet 10.78.0.2/24" in engine("exec", "box", "/busybox", "ip", "address")


def test_one_whose_start_fails_for_its_network_is_removed_if_it_was_to_remove_itself(engine: Networked) -> None:
    engine.box("sleep", "1000", options=("--network", "red", "--ip", "10.77.0.9"))

    for more in ((), ("-d",)):
        assert (
            engine.run("run", *more, "--rm", "--network", "red", "--ip", "10.77.0.9", BUSYBOX, "true").returncode == 125
        )
    assert (
        engine.run("run", "--name", "kept", "--network", "red", "--ip", "10.77.0.9", BUSYBOX, "true").returncode == 125
    )

    assert sorted(engine("ps", "-a", "--format", "{{.Names}}").split()) == ["box", "kept"]


@pytest.mark.parametrize(
    ("does", "calls"),
    [
        ("connect", (("rename", 1), ("sendto", 3))),
        ("disconnect", (("rename", 2), ("unlink", 1))),
        pytest.param("connect", KILLS, marks=pytest.mark.slow),
        pytest.param("disconnect", KILLS, marks=pytest.mark.slow),
    ],
    ids=["connect", "disconnect", "connect-more", "disconnect-more"],
)
def test_whoever_is_killed_the_same_command_or_the_next_start_does_what_is_left(
    engine: Networked, does: str, calls: tuple[tuple[str, int], ...]
) -> None:
    # given a command that is killed at one of its system calls, while the container runs
    before, after = (["red"], ["blue", "red"]) if does == "connect" else (["blue", "red"], ["red"])
    engine.box("sleep", "1000", options=tuple(f"--network={name}" for name in before))
    killed = 0
    for call, number in calls:
        inject = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={number}")
        done = subprocess.run(
            [*engine.before, *inject, engine.program, "network", does, "blue", "box"], env=engine.environment, check=False,
            capture_output=True, timeout=PATIENCE_S,
        )  # fmt: skip
        killed += done.returncode != 0
        # then it is where it was before or is after, and the same again does it, or finds it done
        assert tuple(sorted(engine.settings())) in {tuple(before), tuple(after)}
        again = engine.run("network", does, "blue", "box")
        assert again.returncode == 0 or "is in the network" in again.stderr or "isn't in the network" in again.stderr
        assert sorted(engine.settings()) == after
        assert ("box" in engine.members("blue")) == (does == "connect")
        assert ("10.78.0." in engine.hosts()) == (does == "connect")
        engine("network", "disconnect" if does == "connect" else "connect", "blue", "box")
    engine("restart", "-t", "0", "box")
    assert sorted(engine.settings()) == before
    assert killed


def test_the_ports_that_an_image_exposes_are_published_with_one_letter(engine: Networked) -> None:
    engine.box("sleep", "1000", options=("--network", "red"))
    engine("commit", "-c", "EXPOSE 80 53/udp", "box", "exposing")

    engine("run", "-d", "--name", "all", "-P", "--expose", "90", "exposing")

    lines = engine("port", "all").splitlines()
    assert [line.partition(":")[0] for line in sorted(lines)] == [
        f"{port} -> 127.0.0.1" for port in ("53/udp", "80/tcp", "90/tcp")
    ]


def test_interfaces_are_called_as_is_asked_for(engine: Networked) -> None:
    called = "driver-opt=com.docker.network.endpoint.ifname"
    engine.box("sleep", "99", options=("--network", "blue", "--network", f"name=red,{called}=eth0"))
    lines = engine("exec", "box", "/busybox", "ip", "-4", "-o", "address").splitlines()
    assert {line.split()[1]: line.split()[3].rpartition(".")[0] for line in lines} == {
        "lo": "127.0.0",
        "eth0": "10.77.0",
        "eth1": "10.78.0",
    }
    assert engine.settings()["red"]["DriverOpts"] == {"com.docker.network.endpoint.ifname": "eth0"}

    # and one that is connected later
    engine("network", "disconnect", "red", "box")
    engine("network", "connect", "--driver-opt", "com.docker.network.endpoint.ifname=lan0", "red", "box")
    assert "lan0" in engine("exec", "box", "/busybox", "ip", "-o", "link")
    engine("network", "disconnect", "red", "box")
    refused = engine.run("network", "connect", "--driver-opt", "com.docker.network.endpoint.ifname=eth1", "red", "box")
    assert refused.stderr.startswith("whit: the container has an interface eth1 already\n")
    refused = engine.run("network", "connect", "--link-local-ip", "169.254.1.1", "red", "box")
    assert "none of the link alone" in refused.stderr


def test_what_a_stopped_container_had_is_given_back_also_if_the_command_is_killed(engine: Networked) -> None:
    # given a container that takes its time to end, and that somebody stops who is killed meanwhile
    script = (
        "trap 'echo asked; until [ -e /tmp/go ]; do sleep 0.05; done; exit' TERM; echo up; while :; do sleep 0.05; done"
    )
    engine("run", "-d", "--name", "slow", "--network", "red", "--tmpfs", "/tmp", BUSYBOX, "sh", "-c", script)
    until(lambda: engine.log("slow") == "up\n")
    words = [*engine.before, str(engine.program), "stop", "-t", "-1", "slow"]
    stopping = subprocess.Popen(words, env=engine.environment, stdout=subprocess.DEVNULL)
    until(lambda: engine.log("slow") == "up\nasked\n")
    stopping.kill()
    stopping.wait(PATIENCE_S)
    assert "slow" in engine.members("red")

    engine("exec", "slow", "/busybox", "touch", "/tmp/go")
    assert engine("wait", "slow") == "0"

    until(lambda: engine.supervisors("slow") == [])
    assert "slow" not in engine.members("red")


def test_a_container_that_is_stopped_and_started_at_once_keeps_what_the_start_has_given_it(engine: Networked) -> None:
    engine("run", "-d", "--name", "slow", "--network", "red", BUSYBOX, "sleep", "99")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda verb: engine.run(verb, "slow"), ["kill", "stop", "start", "stop", "start"] * 3))
    engine("start", "slow")

    assert engine.members("red").count("slow") == 1
    assert engine("exec", "slow", "/busybox", "ip", "-4", "-o", "address", "show", "eth0")
    engine("rm", "-f", "slow")
