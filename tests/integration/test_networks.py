"""Who reaches whom: published ports and networks, on a host of the test's own with somebody outside."""

from __future__ import annotations

import socket

import pytest

from tests.integration.netlab import CLIENT, HOST, LONG, SHORT, Lab

BRIDGES = "/proc/sys/net/bridge/bridge-nf-call-iptables"

pytestmark = [pytest.mark.root, pytest.mark.peer("nft", "ip", "setpriv", "unshare", "nsenter")]


def test_a_port_is_published_for_this_machine_alone_unless_an_address_is_given(place: Lab) -> None:
    web = place.start("web", "8080:80")

    assert place.host.ask("127.0.0.1", 8080).startswith("web 80 ")
    assert place.client.cannot_reach(HOST, 8080)
    assert web.cannot_reach(HOST, 8080)


@pytest.mark.parametrize("asks", [0, 1])
def test_a_port_that_is_published_at_all_addresses_is_reached_from_everywhere(place: Lab, asks: int) -> None:
    # whether bridges ask the rules too is the host's choice: docker needs it, and without its module there is no choice
    place.host.command(f"! test -e {BRIDGES} || echo {asks} >{BRIDGES}")
    web = place.start("web", "0.0.0.0:8080:80")
    other = place.start("other")

    assert place.host.ask("127.0.0.1", 8080).startswith("web 80 ")
    assert place.host.ask(HOST, 8080) == f"web 80 {HOST}"
    assert place.client.ask(HOST, 8080) == f"web 80 {CLIENT}"
    assert other.ask(HOST, 8080).startswith("web 80 ")
    assert web.ask(HOST, 8080).startswith("web 80 "), "a container reaches itself by the host's address"
    assert web.ask("172.30.0.1", 8080).startswith("web 80 ")


def test_a_port_that_is_published_at_one_address_is_reached_there_only(place: Lab) -> None:
    place.start("web", f"{HOST}:8080:80")

    assert place.client.ask(HOST, 8080) == f"web 80 {CLIENT}"
    assert place.host.ask(HOST, 8080) == f"web 80 {HOST}"
    assert place.host.cannot_reach("127.0.0.1", 8080)


def test_udp_is_published_as_tcp_is(place: Lab) -> None:
    names = place.start("names", "0.0.0.0:5353:53/udp")

    assert place.host.ask("127.0.0.1", 5353, "udp").startswith("names 53 ")
    assert place.host.ask(HOST, 5353, "udp") == f"names 53 {HOST}"
    assert place.client.ask(HOST, 5353, "udp") == f"names 53 {CLIENT}"
    assert names.ask(HOST, 5353, "udp").startswith("names 53 ")
    assert place.client.cannot_reach(HOST, 5353, "tcp")


def test_who_goes_on_asking_by_udp_reaches_whoever_has_the_port_now(place: Lab) -> None:
    # given a client that keeps one socket and asks before, while and after a container is there
    place.start("other")
    asking = place.client.do(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with asking:
        asking.connect((HOST, 5353))

        def answer(patience: float = LONG) -> str:
            asking.settimeout(patience)
            try:
                asking.send(b"?")
                return asking.recv(99).decode()
            except OSError:
                return ""

        assert answer(SHORT) == ""
        one = place.start("one", "0.0.0.0:5353:53/udp")
        assert answer() == f"one 53 {CLIENT}"
        place.start("between")
        place.stop(one)
        assert answer(SHORT) == ""
        place.start("another")
        place.start("two", f"{HOST}:5353:53/udp")
        assert answer() == f"two 53 {CLIENT}"


def test_a_range_of_ports_is_published_one_by_one(place: Lab) -> None:
    place.start("many", "0.0.0.0:7001-7003:81-83", servers=("tcp:81", "tcp:82", "tcp:83"))

    assert [place.client.ask(HOST, port) for port in (7001, 7002, 7003)] == [
        f"many {port} {CLIENT}" for port in (81, 82, 83)
    ]


def test_any_free_port_of_the_host_s_is_published_where_none_is_named(place: Lab) -> None:
    web = place.start("web", "80", "0.0.0.0::80")

    assert place.host.ask("127.0.0.1", web.ports[0]).startswith("web 80 ")
    assert place.client.ask(HOST, web.ports[1]) == f"web 80 {CLIENT}"


def test_containers_of_one_network_reach_each_other_and_the_outside_and_know_each_other_by_name(place: Lab) -> None:
    one, two = place.start("one"), place.start("two")

    assert one.ask(two.address, 80) == f"two 80 {one.address}"
    assert two.ask(one.address, 53, "udp") == f"one 53 {two.address}"
    assert one.ask(CLIENT, 80) == f"client 80 {HOST}", "outside, a container speaks with the host's address"
    assert f"{two.address}\ttwo {two.id[:12]}\n" in one.hosts.read_text()
    assert f"{one.address}\tone {one.id[:12]}\n" in two.hosts.read_text()


def test_when_a_container_has_gone_nothing_of_it_is_left(place: Lab) -> None:
    before = place.traces()
    one, two = place.start("one", "8080:80"), place.start("two", "0.0.0.0:8081:80")

    place.stop(two)

    assert two.id[:12] not in one.hosts.read_text()
    assert "8081" not in place.traces()
    assert place.host.ask("127.0.0.1", 8080).startswith("one 80 ")

    place.stop(one)

    assert place.traces() == before


def test_nobody_outside_reaches_a_container_by_its_own_address(place: Lab) -> None:
    web = place.start("web", "127.0.0.1:8080:80")
    place.client.command(f"ip route add 172.30.0.0/24 via {HOST}")

    assert place.host.ask(web.address, 80).startswith("web 80 ")
    assert place.client.cannot_reach(web.address, 80)
    assert place.client.cannot_reach(web.address, 53, "udp")


def test_a_neighbour_who_sends_to_127_0_0_1_on_the_wire_reaches_nothing(place: Lab) -> None:
    # given somebody outside, who has no 127.0.0.1 of its own and sends such packets to the host
    place.start("web", "127.0.0.1:8080:80", "0.0.0.0:8081:80")
    place.client.command(
        "echo 1 >/proc/sys/net/ipv4/conf/wire/route_localnet;"
        f"ip route add 127.0.0.1/32 via {HOST} dev wire src {CLIENT}"
    )

    assert place.client.cannot_reach("127.0.0.1", 8080)
    assert place.client.cannot_reach("127.0.0.1", 8081)
    assert place.client.ask(HOST, 8081) == f"web 80 {CLIENT}"


def test_a_container_that_sends_to_the_host_s_127_0_0_1_reaches_nothing(place: Lab) -> None:
    # given one that has given up its own 127.0.0.1 and routes it by the bridge, where such addresses may pass
    web = place.start("web", "127.0.0.1:8080:80")
    script = (
        "ip address del 127.0.0.1/8 dev lo; echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet;"
        f"ip route add 127.0.0.1/32 via 172.30.0.1 dev eth0 src {web.address}"
    )
    web.space.command(script)
    assert place.host.ask("127.0.0.1", 9).startswith("host 9 ")

    assert web.cannot_reach("127.0.0.1", 9)

    # and it is the rule that keeps it from there
    place.host.command("nft flush chain inet whit0 guard")
    assert web.ask("127.0.0.1", 9) == f"host 9 {web.address}"


def test_rules_of_others_are_as_they_were(place: Lab) -> None:
    place.host.command(
        "nft -f - <<E\ntable inet theirs {\n chain c {\n type filter hook forward priority 5; policy accept;\n"
        " tcp dport 25 drop\n }\n}\nE"
    )
    before = place.host.command("nft list ruleset")
    web = place.start("web", "8080:80")
    place.stop(web)

    assert place.host.command("nft list ruleset") == before
