"""``--network`` and what goes with it, read as docker reads it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.support.errors import UsageError
from whit.runtime.engine.networks.joining import Asked, parse_networks
from whit.runtime.engine.networks.model import Joining


def test_without_any_it_is_the_default_one() -> None:
    assert parse_networks(Asked()) == ("bridge", (Joining("bridge"),))
    assert parse_networks(Asked(("default",))) == ("bridge", (Joining("bridge"),))


@pytest.mark.parametrize("mode", ["none", "host", "container:web"])
def test_what_is_no_network_of_whit_s_stands_alone(mode: str) -> None:
    assert parse_networks(Asked((mode,))) == (mode, ())


def test_several_are_joined_in_their_order_and_the_first_is_the_mode() -> None:
    assert parse_networks(Asked(("red", "blue", "bridge"))) == (
        "red",
        (Joining("red"), Joining("blue"), Joining("bridge")),
    )


def test_the_long_form_says_all_of_one_network() -> None:
    _, [first, second] = parse_networks(
        Asked((" name=red, alias=a,alias=b", "IP=10.0.0.5,ip6=FD00::0:5,mac-address=02-42-AA-00-00-01,name=blue"))
    )

    assert first == Joining("red", ("a", "b"))
    assert second == Joining("blue", (), "10.0.0.5", "fd00::5", "02:42:aa:00:00:01")


def test_the_interface_is_called_as_docker_s_option_for_drivers_says() -> None:
    called = "driver-opt=com.docker.network.endpoint.ifname=lan0"

    _, [first, second] = parse_networks(Asked((f"name=red,{called}", "blue"), ("a",)))
    assert (first, second) == (Joining("red", ("a",), interface="lan0"), Joining("blue"))

    for words, said in (
        (("name=red,driver-opt=mtu=5",), "networks of whit's have no such option"),
        (("name=red,link-local-ip=169.254.1.1",), "none of the link alone"),
        ((f"name=red,{called}", f"name=blue,{called}"), "can't both be called lan0"),
        ((f"name=red,{called}/../x",), "can't be an interface's name"),
        (("name=red,driver-opt=com.docker.network.endpoint.ifname=lo",), "can't be an interface's name"),
    ):
        with pytest.raises(UsageError, match=said):
            parse_networks(Asked(words))


def test_the_one_that_it_is_to_go_out_by_is_joined_first() -> None:
    # When networks have priorities as ways out, with docker's key, and options of their own are meant for the first that is named
    asked = Asked(("red", "name=blue,gw-priority=2", "name=green,GW-PRIORITY=-1", "name=grey,gw-priority=2"), ("a",))

    # Then the greatest comes first, others stay in their order, and the options are still of the one that was named first
    assert parse_networks(asked) == (
        "blue",
        (Joining("blue"), Joining("grey"), Joining("red", ("a",)), Joining("green")),
    )


def test_options_of_their_own_are_meant_for_the_first_one() -> None:
    asked = Asked(("name=red,ip=10.0.0.5", "blue"), ("a",), None, "fd00::5", "02:42:AA:00:00:01")

    assert parse_networks(asked) == (
        "red",
        (Joining("red", ("a",), "10.0.0.5", "fd00::5", "02:42:aa:00:00:01"), Joining("blue")),
    )


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Asked(("host", "red")), "--network host goes with no other network"),
        (Asked(("red", "none")), "--network none goes with no other network"),
        (Asked(("red", "container:web")), "--network container:web goes with no other network"),
        (Asked(("red", "name=red,ip=10.0.0.5")), "--network red is given twice"),
        (Asked(("bridge", "default")), "--network bridge is given twice"),
        (Asked(("host",), ("a",)), "--network host: names and addresses are given in networks of whit's only"),
        (Asked(("none",), address="10.0.0.5"), "--network none: names and addresses"),
        (Asked(("name=host,mac-address=02:42:ac:11:00:02",)), "--network host: names and addresses"),
        (Asked(("name=red,ip=10.0.0.5",), address="10.0.0.6"), "--ip: --network red has one already"),
        (Asked(("name=red,alias=a",), ("b",)), "--network-alias: --network red has one already"),
        (Asked(("name=red,colour=blue",)), "'colour=blue' is none of its options"),
        (Asked(("name=red,ip=",)), "'ip=' is none of its options"),
        (Asked(("name=red,gw-priority=",)), "'gw-priority=' is no number"),
        (Asked(("name=red,gw-priority=1.5",)), "'gw-priority=1.5' is no number"),
        (Asked(("name=red,gw-priority=99999999999",)), "'gw-priority=99999999999' is no number"),
        (
            Asked(("name=host,gw-priority=1",)),
            "--network host: names and addresses are given in networks of whit's only",
        ),
        (Asked(("alias=a",)), "--network alias=a names no network"),
        (Asked(("",)), "'' is no network's name"),
        (Asked(("../red",)), "'../red' is no network's name"),
        (Asked(address="10.0.0"), "network bridge: '10.0.0' is not an IPv4 address"),
        (Asked(address="fd00::5"), "'fd00::5' is not an IPv4 address"),
        (Asked(address6="10.0.0.5"), "'10.0.0.5' is not an IPv6 address"),
        (Asked(address6="fe80::1%eth0"), "'fe80::1%eth0' is not an address of a network"),
        (Asked(mac="02:42:ac:11:00"), "'02:42:ac:11:00' is not a MAC address"),
        (Asked(mac="02:42:ac:11:00:0g"), "'02:42:ac:11:00:0g' is not a MAC address"),
        (Asked(mac="01:42:ac:11:00:02"), "01:42:ac:11:00:02 is not the MAC address of one interface"),
        (Asked(mac="00:00:00:00:00:00"), "00:00:00:00:00:00 is not the MAC address of one interface"),
        (Asked(aliases=("a b",)), "'a b' can't be a host's name"),
    ],
)
def test_what_cannot_be_is_told(asked: Asked, why: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_networks(asked)
    assert why in raised.value.message
    assert "\n" not in raised.value.message


@given(st.lists(st.text(st.sampled_from("name=aliaspr6,:-.0d ") | st.characters(), max_size=30), max_size=3), st.text())
def test_whatever_is_typed_is_understood_or_refused(networks: list[str], address: str) -> None:
    with contextlib.suppress(UsageError):
        mode, wishes = parse_networks(Asked(tuple(networks), address6=address))
        assert mode
        assert all(wish.network for wish in wishes)
