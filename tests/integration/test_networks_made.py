"""Networks that people make: apart from one another, with IPv6, internal, joined and left while a container runs."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.integration.netlab import CLIENT, CLIENT6, HOST, HOST6, LONG, Lab
from whit.packer.support.errors import WhitError
from whit.runtime.engine.networks import managing
from whit.runtime.engine.networks.attaching import connect, disconnect
from whit.runtime.engine.networks.bridging import host_end
from whit.runtime.engine.networks.making import Wishes
from whit.runtime.engine.networks.members import read_member
from whit.runtime.engine.networks.model import Joining

if TYPE_CHECKING:
    from whit.runtime.engine.networks.model import Network

pytestmark = [pytest.mark.root, pytest.mark.peer("nft", "ip", "setpriv", "unshare", "nsenter")]


def make(place: Lab, wishes: Wishes) -> Network:
    return place.host.do(lambda: managing.create(place.root, wishes))


def test_containers_of_different_networks_do_not_reach_each_other(place: Lab) -> None:
    make(place, Wishes("red"))
    make(place, Wishes("blue"))
    red = place.start("red1", networks=(Joining("red"),))
    blue = place.start("blue1", networks=(Joining("blue"),))
    other = place.start("red2", networks=(Joining("red"),))

    assert other.ask(red.address, 80) == f"red1 80 {other.address}"
    assert red.cannot_reach(blue.address, 80)
    assert blue.cannot_reach(red.address, 53, "udp")
    assert "blue1" not in red.hosts.read_text()


def test_a_port_that_is_published_to_all_is_reached_from_another_network_too(place: Lab) -> None:
    make(place, Wishes("red"))
    make(place, Wishes("blue"))
    place.start("web", "0.0.0.0:8080:80", "127.0.0.1:8081:80", networks=(Joining("red"),))
    blue = place.start("blue1", networks=(Joining("blue"),))

    assert blue.ask(HOST, 8080).startswith("web 80 ")
    assert blue.cannot_reach(HOST, 8081)


def test_one_in_two_networks_is_reached_at_each_of_its_addresses_and_by_its_port(place: Lab) -> None:
    make(place, Wishes("red"))
    make(place, Wishes("blue", ipv6=True))
    both = place.start("both", "0.0.0.0:8080:80", networks=(Joining("red"), Joining("blue")))
    red = place.start("red1", networks=(Joining("red"),))
    blue = place.start("blue1", networks=(Joining("blue"),))

    assert red.ask(both.endpoints[0].address, 80) == f"both 80 {red.address}"
    assert blue.ask(both.endpoints[1].address, 80) == f"both 80 {blue.address}"
    assert both.ask(red.address, 80) == f"red1 80 {both.endpoints[0].address}"
    assert both.ask(blue.address, 80) == f"blue1 80 {both.endpoints[1].address}"
    for asking in (red, blue, both, place.client, place.host):
        assert asking.ask(HOST, 8080).startswith("both 80 ")
    assert both.endpoints[0].address in red.hosts.read_text()
    assert both.endpoints[1].address in blue.hosts.read_text()
    assert both.endpoints[0].address not in blue.hosts.read_text()


def test_ipv6_works_as_ipv4_does(place: Lab) -> None:
    make(place, Wishes("six", ipv6=True))
    web = place.start("web", f"[{HOST6}]:8080:80", "[::]:8081:80", "[::]:5353:53/udp", networks=(Joining("six"),))
    peer = place.start("peer", networks=(Joining("six"),))
    six = web.endpoints[0].address6
    assert six is not None

    assert peer.ask(six, 80) == f"web 80 {peer.endpoints[0].address6}"
    assert web.ask(CLIENT6, 80) == f"client 80 {HOST6}"
    assert place.client.ask(HOST6, 8080) == f"web 80 {CLIENT6}"
    assert place.client.ask(HOST6, 8081) == f"web 80 {CLIENT6}"
    assert place.client.ask(HOST6, 5353, "udp") == f"web 53 {CLIENT6}"
    assert place.host.ask(HOST6, 8081).startswith("web 80 ")
    assert peer.ask(HOST6, 8081).startswith("web 80 ")
    assert web.ask(HOST6, 8081).startswith("web 80 "), "a container reaches itself by the host's address"
    assert f"{six}\tweb {web.id[:12]}\n" in peer.hosts.read_text()

    place.client.command(f"ip -6 route add fd00::/8 via {HOST6}")
    assert place.client.cannot_reach(six, 80)


def test_a_network_without_ipv6_has_none_at_all(place: Lab) -> None:
    one = place.start("one")

    assert "inet6" not in one.space.command("ip address show dev eth0")
    assert "inet6" not in place.host.command("ip address show dev whit0")


def test_nothing_leaves_or_enters_an_internal_network(place: Lab) -> None:
    make(place, Wishes("inside", internal=True))
    make(place, Wishes("red"))
    one = place.start("one", networks=(Joining("inside"),))
    two = place.start("two", "8081:80", networks=(Joining("inside"),))
    assert [message for message, _ in place.warnings] == [
        "no port is published: the container is in internal networks only"
    ]
    red = place.start("red1", "0.0.0.0:8080:80", networks=(Joining("red"),))
    one.space.command(f"ip route add default via {one.address.rpartition('.')[0]}.1")
    place.client.command(f"ip route add 172.30.0.0/16 via {HOST}")

    assert one.ask(two.address, 80) == f"two 80 {one.address}"
    assert place.client.ask(HOST, 8080) == f"red1 80 {CLIENT}"
    assert one.cannot_reach(CLIENT, 80)
    assert one.cannot_reach(red.address, 80)
    assert one.cannot_reach(HOST, 8080)
    assert red.cannot_reach(one.address, 80)
    assert place.client.cannot_reach(one.address, 80)


def test_a_running_container_joins_and_leaves_a_network(place: Lab) -> None:
    red, blue = make(place, Wishes("red")), make(place, Wishes("blue"))
    red1 = place.start("red1", "0.0.0.0:8080:80", networks=(Joining("red"),))
    blue1 = place.start("blue1", networks=(Joining("blue"),))

    wish = Joining("blue", ("alias1",))
    attached = place.host.do(lambda: connect(place.root, red1.id, wish, red1.space.pid))
    assert attached is not None
    endpoint = attached.endpoints[1]

    assert endpoint.interface == "eth1"
    assert blue1.ask(endpoint.address, 80) == f"red1 80 {blue1.address}"
    assert f"{endpoint.address}\tred1 alias1 {red1.id[:12]}\n" in blue1.hosts.read_text()
    assert f"{blue1.address}\tblue1 {blue1.id[:12]}\n" in red1.hosts.read_text()

    place.host.do(lambda: disconnect(place.root, red1.id, red.name, red1.space.pid))

    # it goes out, and is reached from outside, by the network that is left
    assert red1.ask(CLIENT, 80) == f"client 80 {HOST}"
    assert place.client.ask(HOST, 8080) == f"red1 80 {CLIENT}"
    assert red.device not in place.traces()

    place.host.do(lambda: disconnect(place.root, red1.id, blue.name, red1.space.pid))

    assert "alias1" not in blue1.hosts.read_text()
    assert blue1.id[:12] not in red1.hosts.read_text()


def test_who_goes_on_asking_by_udp_is_led_by_the_network_that_is_left(place: Lab) -> None:
    make(place, Wishes("red"))
    make(place, Wishes("blue"))
    names = place.start("names", "0.0.0.0:5353:53/udp", networks=(Joining("red"), Joining("blue")))
    place.start("other", networks=(Joining("red"),))
    asking = place.client.do(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with asking:
        asking.settimeout(LONG)
        asking.connect((HOST, 5353))
        for _ in range(2):
            asking.send(b"?")
            assert asking.recv(99).decode() == f"names 53 {CLIENT}"
            place.host.do(lambda: disconnect(place.root, names.id, "red", names.space.pid))


def test_one_end_that_somebody_removed_takes_a_container_out_of_that_network_alone(place: Lab) -> None:
    # given one in two networks whose end in the first is removed, and whose rules too
    red = make(place, Wishes("red"))
    make(place, Wishes("blue"))
    both = place.start("both", "0.0.0.0:8080:80", networks=(Joining("red"), Joining("blue")))
    blue1 = place.start("blue1", networks=(Joining("blue"),))
    place.host.command(f"ip link del {host_end(both.id, red.id)}; nft delete table inet {red.device}")

    place.start("red1", networks=(Joining("red"),))

    member = read_member(place.root, both.id)
    assert member is not None
    assert [endpoint.network for endpoint in member.endpoints] == ["blue"]
    place.start("blue2", networks=(Joining("blue"),))
    assert "\tboth " in blue1.hosts.read_text()


def test_a_network_in_use_is_not_removed_and_the_error_says_who_uses_it(place: Lab) -> None:
    network = make(place, Wishes("red"))
    one = place.start("one", networks=(Joining("red"),))

    with pytest.raises(WhitError, match="the network red is in use by one"):
        managing.remove(place.root, "red")

    place.stop(one)
    managing.remove(place.root, network.id[:8])
    assert "red" not in [left.name for left in managing.every(place.root)]


def test_an_address_that_is_asked_for_is_got_or_it_is_said_who_has_it(place: Lab) -> None:
    make(place, Wishes("red", subnets=("10.77.0.0/24",)))
    one = place.start("one", networks=(Joining("red", address="10.77.0.77"),))

    assert one.address == "10.77.0.77"
    with pytest.raises(WhitError, match=r"10\.77\.0\.77 is taken in the network red, by one"):
        place.start("two", networks=(Joining("red", address="10.77.0.77"),))
    with pytest.raises(WhitError, match=r"10\.99\.0\.1 is not an address of the network red"):
        place.start("two", networks=(Joining("red", address="10.99.0.1"),))


def test_a_network_s_packets_have_the_size_that_was_asked_for(place: Lab) -> None:
    network = make(place, Wishes("small", options=("mtu=1280",)))
    one = place.start("one", networks=(Joining("small"),))

    assert " mtu 1280 " in one.space.command("ip link show dev eth0")
    assert " mtu 1280 " in place.host.command(f"ip link show dev {network.device}")
