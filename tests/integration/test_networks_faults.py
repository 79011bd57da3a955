"""Networks when something goes wrong: ports that are taken, many at once, processes that are killed, firewalls."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.integration.netlab import CLIENT, HOST, Container, Lab
from whit.packer.support.errors import WhitError
from whit.runtime.engine.networks import folder, managing
from whit.runtime.engine.networks.attaching import detach, sweep
from whit.runtime.engine.networks.making import Wishes
from whit.runtime.engine.networks.model import Joining

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.peer("nft", "ip", "setpriv", "unshare", "nsenter", "strace", "iptables")]

ATTACH = """
import sys
from pathlib import Path
from whit.runtime.engine.networks.attaching import attach
from whit.runtime.engine.networks.model import Joining, Member
from whit.runtime.engine.networks.ports import parse_port
root, identity, name, pid, networks, *publish = sys.argv[1:]
ports = tuple(port for text in publish for port in parse_port(text))
attach(Path(root), Member(identity, name, (name,), (), ports), tuple(map(Joining, networks.split(","))), int(pid))
"""

DETACH = """
import sys
from pathlib import Path
from whit.runtime.engine.networks.attaching import detach
detach(Path(sys.argv[1]), sys.argv[2])
"""


def command(place: Lab, container: Container, *publish: str, networks: str = "bridge") -> list[str]:
    """A process of its own on the host that attaches the container."""
    space = container.space
    words = [str(place.root), container.id, space.name, str(space.pid), networks, *publish]
    return ["nsenter", f"--net=/proc/{place.host.pid}/ns/net", sys.executable, "-c", ATTACH, *words]


def test_a_port_that_is_taken_is_an_error_that_says_by_whom_and_nothing_is_left(place: Lab) -> None:
    before = place.traces()

    with pytest.raises(
        WhitError, match=rf"port 9/tcp of 127\.0\.0\.1 is taken by python[0-9.]* \(process {place.host.pid}\)"
    ):
        place.start("web", "8080:80", "9:80")

    assert place.traces() == before
    place.start("other", "8080:80")


def test_a_port_that_another_container_has_is_taken_also_at_all_addresses(place: Lab) -> None:
    place.start("web", "8080:80", "5353:53/udp")

    for publish in ("8080:80", "0.0.0.0:8080:80", "5353:53/udp"):
        with pytest.raises(WhitError, match="is taken by container web"):
            place.start("other", publish)
    place.start("names", "5353:53", "8080:80/udp")


def test_a_port_whose_last_connections_the_kernel_only_remembers_is_free(place: Lab) -> None:
    # given a server that has closed a connection itself: its port stays in TIME_WAIT for a minute
    def serve() -> None:
        with (
            socket.create_server(("127.0.0.1", 7777)) as server,
            socket.create_connection(("127.0.0.1", 7777)) as asking,
        ):
            server.accept()[0].close()
            asking.recv(1)

    place.host.do(serve)
    assert " 06 " in place.host.command("cat /proc/net/tcp")

    web = place.start("web", "7777:80")

    assert place.host.ask("127.0.0.1", 7777).startswith("web 80 ")
    assert web.ports == (7777,)


@pytest.mark.parametrize("alias", ["", "a b", "a\n192.0.2.66\tbank"])
def test_an_alias_that_is_no_name_is_refused(place: Lab, alias: str) -> None:
    before = place.traces()

    with pytest.raises(WhitError, match="can't be a host's name"):
        place.start("web", networks=(Joining("bridge", (alias,)),))

    assert place.traces() == before


def test_an_address_that_the_host_has_not_is_named(place: Lab) -> None:
    with pytest.raises(WhitError, match=r"192\.0\.2\.77 is no address of this machine"):
        place.start("web", "192.0.2.77:8080:80")


def test_twenty_containers_attached_by_twenty_processes_at_once_get_addresses_of_their_own(place: Lab) -> None:
    containers = [place.make(f"c{number}", "tcp:80") for number in range(20)]
    before = place.traces()

    running = [
        subprocess.Popen(command(place, container, f"0.0.0.0:{9000 + number}:80"))
        for number, container in enumerate(containers)
    ]

    assert [process.wait(120) for process in running] == [0] * 20
    members = [member for member, _ in folder.members(place.root, "bridge")]
    assert sorted(member.names[0] for member in members) == sorted(one.space.name for one in containers)
    assert len({endpoint.address for member in members for endpoint in member.endpoints}) == 20
    for number in (0, 7, 19):
        assert place.client.ask(HOST, 9000 + number) == f"c{number} 80 {CLIENT}"
    for container in containers:
        known = container.hosts.read_text()
        assert all(f"\t{other.space.name} " in known or f" {other.space.name} " in known for other in containers)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(place.stop, containers))

    assert place.traces() == before


@pytest.mark.slow
@pytest.mark.parametrize("networks", ["bridge", "red,bridge,inner"])
@pytest.mark.parametrize("does", ["attaches", "detaches"])
def test_whatever_is_killed_the_next_sweep_leaves_nothing(place: Lab, does: str, networks: str) -> None:
    # given what changes something by system calls, and a process killed at each of them in turn
    for wishes in (Wishes("red", ipv6=True), Wishes("inner", internal=True)):
        place.host.do(partial(managing.create, place.root, wishes))
    before = place.traces()
    killed = 0
    for call in ("symlink", "sendto", "rename", "unlink", "pwrite64", "flock", "vfork,clone,clone3"):
        for number in (1, 2, 3, 4, 5, 8, 13, 21):
            container = place.make("victim", "tcp:80")
            words = command(place, container, "0.0.0.0:8080:80", networks=networks)
            if does == "detaches":
                subprocess.run(words, check=True)
                words = [*words[:3], DETACH, *words[4:]]
            injected = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={number}"]
            done = subprocess.run([*injected, *words], check=False, stderr=subprocess.DEVNULL)
            place.end(container)

            # when the next one looks for what is left
            place.host.do(lambda: sweep(place.root, lambda _: False))

            # then all is as it was
            assert place.traces() == before, (call, number)
            if done.returncode == 0:
                break
            killed += 1
    assert killed > 8
    web = place.start("web", "0.0.0.0:8080:80")
    assert place.client.ask(HOST, 8080) == f"web 80 {CLIENT}"
    place.stop(web)
    assert place.traces() == before


def test_processes_killed_at_random_while_many_come_and_go_harm_nobody_else(place: Lab) -> None:
    # given one who stays, and many who come and go at once, half of them killed somewhere on the way
    stays = place.start("stays", "0.0.0.0:8080:80")
    chance = random.Random(6)
    comers = [place.make(f"c{number}") for number in range(16)]

    def come_and_go(container: Container, after: float | None) -> None:
        words = command(place, container, f"0.0.0.0:{9000 + comers.index(container)}:80")
        for each in (words, [*words[:3], DETACH, *words[4:]]):
            with subprocess.Popen(each) as process:
                try:
                    process.wait(after)
                except subprocess.TimeoutExpired:
                    process.kill()

    with ThreadPoolExecutor(8) as pool:
        times = [chance.uniform(0.05, 0.6) if number % 2 else None for number in range(len(comers))]
        list(pool.map(come_and_go, comers, times))
    place.host.do(lambda: sweep(place.root, lambda container: container == stays.id))

    assert place.client.ask(HOST, 8080) == f"stays 80 {CLIENT}"
    assert [member.id for member, _ in folder.members(place.root, "bridge")] == [stays.id]
    assert "tcp . 90" not in place.traces()
    assert not any(comer.id[:12] in stays.hosts.read_text() for comer in comers)


def test_a_sweep_leaves_alone_who_is_alive(place: Lab) -> None:
    one, two = place.start("one", "0.0.0.0:8080:80"), place.start("two", "0.0.0.0:8081:80")
    place.end(two)

    place.host.do(lambda: sweep(place.root, lambda container: container == one.id))

    assert place.client.ask(HOST, 8080) == f"one 80 {CLIENT}"
    assert "8081" not in place.traces()
    assert two.id[:12] not in one.hosts.read_text()


def test_after_a_reboot_nobody_s_address_name_or_port_is_in_the_way(place: Lab) -> None:
    # given a machine that went down with a container running: the disk knows it, the kernel doesn't
    place.start("before", "8080:80")
    place.end(place.containers[0])
    place.host.command("nft flush ruleset; ip link del whit0")

    after = place.start("after", "8080:80")

    assert place.host.ask("127.0.0.1", 8080).startswith("after 80 ")
    assert "before" not in after.hosts.read_text()
    place.stop(after)
    assert "whit0" not in place.traces()


@pytest.mark.parametrize("lingers", [True, False])
def test_the_port_of_a_container_that_ended_without_a_word_can_be_had_at_once(place: Lab, lingers: bool) -> None:
    # given one whose supervisor was killed: its socket is free, and its namespace may still be there for a moment
    stays = place.start("stays", "0.0.0.0:8081:80")
    killed = place.start("killed", "8080:80")
    held = os.dup(killed.space.descriptor)
    place.end(killed)
    if not lingers:
        os.close(held)

    after = place.start("after", "8080:80")
    assert place.host.ask("127.0.0.1", 8080).startswith("after 80 ")
    place.host.do(lambda: detach(place.root, killed.id))

    assert place.host.ask("127.0.0.1", 8080).startswith("after 80 ")
    assert place.client.ask(HOST, 8081) == f"stays 80 {CLIENT}"
    assert killed.id[:12] not in after.hosts.read_text() + stays.hosts.read_text()
    if lingers:
        os.close(held)


def test_a_bridge_that_somebody_removed_is_there_again_with_the_next_container(place: Lab) -> None:
    one = place.start("one")
    place.host.command("ip link del whit0")

    two = place.start("two", "0.0.0.0:8080:80")

    assert place.client.ask(HOST, 8080) == f"two 80 {CLIENT}"
    assert one.address != two.address


def test_rules_that_somebody_flushed_are_there_again_with_the_next_container(place: Lab) -> None:
    place.start("one", "0.0.0.0:8080:80")
    place.host.command("nft flush ruleset")

    place.start("two")

    assert place.client.ask(HOST, 8080) == f"one 80 {CLIENT}"


def test_two_stores_on_one_host_do_not_get_into_each_other_s_way(place: Lab, tmp_path: Path) -> None:
    before = place.traces()
    one = place.start("one", "0.0.0.0:8080:80")
    other = Lab(tmp_path / "other-root", place.host, place.client)
    other.root.mkdir(mode=0o700)
    two = other.start("two", "0.0.0.0:8081:80")

    assert one.address.rpartition(".")[0] != two.address.rpartition(".")[0]
    assert place.client.ask(HOST, 8080) == f"one 80 {CLIENT}"
    assert place.client.ask(HOST, 8081) == f"two 80 {CLIENT}"

    place.stop(one)
    assert place.client.ask(HOST, 8081) == f"two 80 {CLIENT}"
    other.stop(two)
    assert place.traces() == before


@pytest.mark.parametrize(
    ("firewall", "chain"),
    [
        ("iptables-nft -P FORWARD DROP", "ip filter FORWARD"),
        ("nft 'table inet f { chain fw { type filter hook forward priority 10; policy drop; }; }'", "inet f fw"),
    ],
    ids=["iptables", "nft"],
)
def test_a_foreign_firewall_that_drops_what_is_forwarded_is_told_of_once_with_what_helps(
    place: Lab, firewall: str, chain: str
) -> None:
    place.host.command(firewall)

    place.start("one", "0.0.0.0:8080:80")
    place.start("two")

    [(message, hint)] = place.warnings
    assert message == f"the chain {chain}, which isn't whit's, drops what the network bridge forwards"
    assert place.client.cannot_reach(HOST, 8080)
    place.host.command(hint)
    assert place.client.ask(HOST, 8080) == f"one 80 {CLIENT}"


def test_without_nft_the_error_names_the_package(place: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    before = place.traces()
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("whit.runtime.engine.networks.nft._ELSEWHERE", "/nowhere")

    with pytest.raises(WhitError, match="nft isn't installed") as raised:
        place.host.do(lambda: _attach_plainly(place))
    monkeypatch.undo()

    assert "nftables" in (raised.value.hint or "")
    assert place.traces() == before


def _attach_plainly(place: Lab) -> None:
    from whit.runtime.engine.networks.attaching import attach  # noqa: PLC0415
    from whit.runtime.engine.networks.model import Member  # noqa: PLC0415

    container = "f" * 64
    (place.root / "containers" / container).mkdir(parents=True)
    attach(place.root, Member(container, "one", ("one",)), (Joining(),), place.client.pid)
