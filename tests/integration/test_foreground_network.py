"""A program in the foreground is in whit's default network, from its second start on without Python, and leaves nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.at_terminal import AtTerminal
from tests.integration.kept import BUSYBOX, PATIENCE_S, Engine, until
from tests.integration.netlab import CLIENT, HOST, lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.netlab import Lab

pytestmark = [pytest.mark.root, pytest.mark.peer("nft", "ip", "setpriv", "unshare", "nsenter", "busybox-static")]

ADDRESS = ("ip", "-4", "-o", "address", "show", "eth0")
MANY = 200


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path / "root") as made:
        yield made


@pytest.fixture
def engine(whit: Path, place: Lab) -> Iterator[Engine]:
    """A whit on a host of the test's own, with its store."""
    made = Engine(whit, place.root, ("nsenter", f"--net=/proc/{place.host.pid}/ns/net"))
    yield made
    made.clean()


def plans(engine: Engine) -> dict[str, int]:
    """The kept plans: one that Python makes anew is another file."""
    return {path.name: path.stat().st_ino for path in (engine.root / "plans").iterdir()}


def leases(engine: Engine) -> list[str]:
    return sorted(path.name for path in engine.root.glob("networks/bridge/leases/*"))


def ends(place: Lab) -> list[str]:
    """The host's ends of veth pairs."""
    return place.host.command("ip -o link | grep -o ' wv[0-9a-f]*' || true").split()


def leaves_nothing(engine: Engine, place: Lab) -> None:
    """Of programs that have ended; the kernel takes its time for their interfaces."""
    assert leases(engine) == []
    assert list(engine.root.glob("networks/bridge/hosts/*")) == []
    until(lambda: not ends(place), "no end of a veth pair is left")


def test_it_has_a_way_out_the_second_time_without_python(engine: Engine, place: Lab) -> None:
    words = ("run", BUSYBOX, "nc", CLIENT, "80")

    first = engine(*words)
    kept = plans(engine)
    second = engine(*words)

    # outside it is the host
    assert first == second == f"client 80 {HOST}"
    assert plans(engine) == kept
    leaves_nothing(engine, place)


@pytest.mark.parametrize("network", ["none", "bridge", "default", "host"])
def test_what_is_asked_for_is_what_it_gets(engine: Engine, network: str) -> None:
    said = engine("run", "--network", network, BUSYBOX, "ip", "-o", "link")

    assert ("eth0" in said) == (network in {"bridge", "default"})
    assert ("wire" in said) == (network == "host")
    assert engine("ps", "-aq") == ""


def test_it_knows_itself_and_the_containers_around_it_while_they_come_and_go(engine: Engine, tmp_path: Path) -> None:
    # given a container that is kept, and a program in the foreground that looks at its hosts file when it is told to
    engine("run", "-d", "--name", "db", BUSYBOX, "sleep", "99")
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o777)
    shared.chmod(0o777)
    script = "for n in 1 2 3; do while [ ! -e /w/go$n ]; do sleep 0.02; done; cat /etc/hosts > /w/told$n.new; mv /w/told$n.new /w/told$n; done"
    words = ["run", "-v", f"{shared}:/w", "--hostname", "me", BUSYBOX, "sh", "-c", script]
    running = subprocess.Popen([*engine.before, engine.program, *words], env=engine.environment)

    def told(number: int) -> dict[str, str]:
        (shared / f"go{number}").touch()
        until((shared / f"told{number}").exists, "it tells its hosts")
        lines = (shared / f"told{number}").read_text().splitlines()
        return {name: line.split()[0] for line in lines for name in line.split()[1:]}

    # when others come and go
    until(lambda: len(leases(engine)) == 2, "it is in the network")
    first = told(1)
    engine("run", "-d", "--name", "cache", BUSYBOX, "sleep", "99")
    second = told(2)
    engine("rm", "-f", "db", "cache")
    third = told(3)

    # then it knows who is there
    assert running.wait(PATIENCE_S) == 0
    assert first["me"] == second["me"] == third["me"]
    assert "db" in first
    assert "cache" not in first
    assert {"db", "cache"} <= second.keys()
    assert not {"db", "cache"} & third.keys()
    assert first["me"] != first["db"]


def test_it_reaches_the_containers_around_it_and_they_reach_it(engine: Engine) -> None:
    engine("run", "-d", "--name", "db", BUSYBOX, "sh", "-c", "while :; do echo db | nc -l -p 5432; done")

    # busybox's own resolver needs libraries that aren't in its image
    script = "until nc $(grep db /etc/hosts | cut -f1) 5432; do sleep 0.1; done"
    assert engine("run", BUSYBOX, "sh", "-c", script) == "db"


def test_files_of_a_person_s_own_stand_in_the_place_of_its_names(engine: Engine, tmp_path: Path) -> None:
    own = tmp_path / "hosts"
    own.write_text("192.0.2.77 mine\n")
    own.chmod(0o644)

    said = engine("run", "-v", f"{own}:/etc/hosts:ro", "--tmpfs", "/run", BUSYBOX, "cat", "/etc/hosts")

    assert said == "192.0.2.77 mine"


def test_many_at_once_have_addresses_of_their_own_and_leave_nothing(engine: Engine, place: Lab, tmp_path: Path) -> None:
    # given as many programs as start at once, by a plan that is kept, and stay until all are there
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "go").touch()
    script = f"{' '.join(ADDRESS)}; while [ ! -e /w/go ]; do sleep 0.2; done"
    words = ["run", "-v", f"{shared}:/w:ro", BUSYBOX, "sh", "-c", script]
    engine(*words)
    (shared / "go").unlink()
    running = [
        subprocess.Popen(
            [*engine.before, engine.program, *words], env=engine.environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(MANY)
    ]

    # when all have told their address
    lines = [each.stdout.readline() for each in running if each.stdout]
    held = leases(engine)
    (shared / "go").touch()

    # then each has its own, and at the end nobody
    assert [each.wait(PATIENCE_S) for each in running] == [0] * MANY
    addresses = {line.split()[3].partition("/")[0] for line in lines}
    assert len(addresses) == MANY
    assert addresses == set(held)
    leaves_nothing(engine, place)
    for each in running:
        assert each.stdout is not None
        each.stdout.close()


def test_killed_at_random_points_they_leave_nothing_that_the_next_one_does_not_find(engine: Engine, place: Lab) -> None:
    # given supervisors that are killed, each at another instant of its start
    words: list[str | Path] = [*engine.before, engine.program, "run", BUSYBOX, "sleep", "0.05"]
    engine.run("run", BUSYBOX, "sleep", "0.05")
    chance = random.Random(7)

    def kill_one(delay: float) -> None:
        process = subprocess.Popen(words, env=engine.environment, start_new_session=True)
        time.sleep(delay)
        process.kill()
        process.wait()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(kill_one, [chance.uniform(0, 0.04) for _ in range(60)]))
    until(lambda: not ends(place), "the kernel takes what belongs to namespaces that are gone")

    # when one more comes
    done = engine.run("run", BUSYBOX, *ADDRESS)

    # then nothing of them is left, and no command stumbles over what was
    assert done.returncode == 0, done.stderr
    leaves_nothing(engine, place)


def test_what_was_killed_last_is_gone_when_networks_are_pruned(engine: Engine, place: Lab) -> None:
    process = subprocess.Popen([*engine.before, engine.program, "run", BUSYBOX, "sleep", "99"], env=engine.environment)
    until(lambda: bool(leases(engine)), "it has an address")
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: not ends(place), "its interface is gone")
    assert leases(engine)

    engine("network", "prune", "-f")

    leaves_nothing(engine, place)
    assert place.traces() == ""


def test_pruning_leaves_those_that_run(engine: Engine, place: Lab) -> None:
    with subprocess.Popen(
        [*engine.before, engine.program, "run", BUSYBOX, "sleep", "99"], env=engine.environment
    ) as process:
        until(lambda: bool(ends(place)), "it is in the network")
        held = leases(engine)
        [place_of] = json.loads(engine("network", "inspect", "bridge"))[0]["Containers"].values()
        assert (place_of["Name"], place_of["IPv4Address"]) == ("", f"{held[0]}/24")

        engine("network", "prune", "-f")
        engine("system", "restore")
        engine("run", "-d", "--rm", "--name", "other", BUSYBOX, "true")
        engine.run("wait", "other")
        until(lambda: leases(engine) == held, "the other one has left")

        assert ends(place)
        process.terminate()
    leaves_nothing(engine, place)


def test_without_a_free_address_it_is_one_error_and_nothing_is_left(engine: Engine) -> None:
    # given a network in which containers have all addresses
    said = engine("run", BUSYBOX, *ADDRESS)
    subnet = said.split()[3].rpartition(".")[0]
    folder = engine.root / "networks" / "bridge" / "leases"
    for last in range(2, 255):
        (folder / f"{subnet}.{last}").symlink_to(os.urandom(32).hex())
    taken = leases(engine)

    done = engine.run("run", BUSYBOX, "true")

    assert done.returncode == 125
    assert done.stderr.splitlines()[0] == "whit: can't join the network: bridge: it has no free address"
    assert "--network none" in done.stderr.splitlines()[1]
    assert leases(engine) == taken
    assert engine.run("run", "--network", "none", BUSYBOX, "true").returncode == 0


def test_what_is_only_shown_or_cannot_be_started_makes_no_bridge(engine: Engine, place: Lab) -> None:
    before = place.traces()

    assert "bridge join" in engine("plan", BUSYBOX, "true")
    assert engine.run("run", BUSYBOX.replace("box", "box-that-isn't-there"), "true").returncode != 0

    assert place.traces() == before


def test_rules_that_somebody_flushed_and_a_bridge_that_somebody_removed_are_back(engine: Engine, place: Lab) -> None:
    words = ("run", BUSYBOX, "nc", CLIENT, "80")
    engine(*words)

    place.host.command("nft flush ruleset")
    assert engine(*words) == f"client 80 {HOST}"
    place.host.command("ip link delete whit0")
    assert engine(*words) == f"client 80 {HOST}"


def test_the_host_s_resolvers_are_its_own_as_they_are_now(engine: Engine, tmp_path: Path) -> None:
    # given a host whose resolvers change
    resolvers = tmp_path / "resolv.conf"

    def asked(server: str) -> str:
        resolvers.write_text(f"nameserver 127.0.0.53\nnameserver {server}\n")
        show = f"mount --bind {resolvers} /etc/resolv.conf && exec {engine.program} run {BUSYBOX} cat /etc/resolv.conf"
        return engine.on_host("unshare", "--mount", "sh", "-c", show)

    assert asked("192.0.2.53") == "nameserver 192.0.2.53\n"
    assert asked("192.0.2.54") == "nameserver 192.0.2.54\n"


CAN_NOT = {
    "without nft": (
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount --bind /dev/null "$(readlink -f /usr/sbin/nft)"; exec "$@"',
        "-",
    ),
    "with settings that are read-only": (
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; exec "$@"',
        "-",
    ),
}


@pytest.mark.parametrize("before", CAN_NOT.values(), ids=CAN_NOT.keys())
def test_where_there_can_be_no_network_it_has_none_and_says_so_unless_it_was_asked_for(
    engine: Engine, before: tuple[str, ...]
) -> None:
    root = engine.root.parent / "other"
    poor = Engine(engine.program, root, (*engine.before, *before))

    for _ in range(2):
        done = poor.run("run", BUSYBOX, "ip", "-o", "link")
        assert (done.returncode, "eth0" in done.stdout) == (0, False), done.stderr
        lines = done.stderr.splitlines()
        assert lines[0].startswith("whit: warning: the program has no network: ")
        assert lines[1:] == ["hint: --network none asks for that, and says nothing"]

    asked = poor.run("run", "--network", "bridge", BUSYBOX, "true")
    assert asked.returncode == 125
    assert asked.stderr.startswith("whit: the network bridge: ")
    assert "--network none" in asked.stderr
    quiet = poor.run("run", "--network", "none", BUSYBOX, "true")
    assert (quiet.returncode, quiet.stderr) == (0, "")


def watchers(engine: Engine) -> list[int]:
    """The processes that look after a bridge of the engine's, once they take signals again."""
    return [int(process.name) for process in Path("/proc").glob("[0-9]*") if _watches(process, engine)]


def _watches(process: Path, engine: Engine) -> bool:
    """Whether it is one: it holds a name in the network namespace."""
    try:
        held = str((process / "fd" / "3").readlink())
        names = [line.split() for line in (process / "net" / "unix").read_text().splitlines()]
        return (
            any(f"socket:[{words[6]}]" == held and words[7:9] == ["@whit", "idle"] for words in names)
            and f"WHIT_ROOT={engine.root}".encode() in (process / "environ").read_bytes().split(b"\0")
            and "SigBlk:\t0000000000000000" in (process / "status").read_text()
        )
    except OSError:
        return False


def test_a_bridge_is_watched_from_its_first_program_s_start_on(engine: Engine) -> None:
    running = subprocess.Popen([*engine.before, engine.program, "run", BUSYBOX, "sleep", "99"], env=engine.environment)
    try:
        until(lambda: len(watchers(engine)) == 1, "the bridge is watched")
        assert running.poll() is None
    finally:
        running.kill()
        running.wait(PATIENCE_S)


def test_somebody_watches_the_bridge_also_where_the_terminal_hangs_up(engine: Engine) -> None:
    # given a bridge that nobody watches
    engine("run", BUSYBOX, "true")
    until(lambda: len(watchers(engine)) == 1, "the bridge is watched")
    os.kill(watchers(engine)[0], signal.SIGKILL)
    until(lambda: not watchers(engine))

    # when a program ends whose end is that of its terminal's session: the kernel tells all at the terminal (SIGHUP)
    at_terminal = AtTerminal([*engine.before, engine.program, "run", BUSYBOX, "true"], engine.environment)
    assert at_terminal.end() == 0, at_terminal.shown

    until(lambda: len(watchers(engine)) == 1, "the bridge is watched")


@pytest.mark.slow
def test_a_bridge_is_gone_after_a_while_whoever_was_killed(engine: Engine, place: Lab) -> None:
    before = place.traces()
    running = subprocess.Popen([*engine.before, engine.program, "run", BUSYBOX, "sleep", "99"], env=engine.environment)
    until(lambda: len(ends(place)) == 1, "it is in the network")
    running.kill()
    running.wait(PATIENCE_S)

    until(lambda: place.traces() == before, "the bridge is gone")


@pytest.mark.slow
def test_a_bridge_that_nobody_uses_is_gone_after_a_while_also_where_its_store_is_gone(
    engine: Engine, place: Lab
) -> None:
    before = place.traces()
    other = Engine(engine.program, engine.root.parent / "other", engine.before)
    engine("run", BUSYBOX, "true")
    other("run", BUSYBOX, "true")
    other.root.rename(other.root.with_name("gone"))
    assert "whit0" in place.traces()

    until(lambda: place.traces() == before, "both bridges are gone")
