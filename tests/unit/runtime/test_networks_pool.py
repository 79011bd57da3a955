"""Which subnets and addresses are given out, and what a person can ask for."""

from __future__ import annotations

import dataclasses
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import islice

import pytest

from tests.unit.runtime.networks import RED
from whit.packer.support.errors import UsageError, WhitError
from whit.runtime.engine.networks import pool
from whit.runtime.engine.networks.making import Wishes, new_network
from whit.runtime.engine.networks.model import Joining, Place

IDENTITY = ("ab" * 32, "whit_ababababab", "2026-01-31T12:00:00Z")


def test_the_first_subnet_is_taken_that_nothing_of_the_host_overlaps() -> None:
    assert pool.free_subnet([]) == IPv4Network("172.30.0.0/24")
    assert pool.free_subnet([ip_network("172.30.0.0/23")]) == IPv4Network("172.30.2.0/24")
    assert pool.free_subnet([ip_network("172.16.0.0/12")]) == IPv4Network("10.230.0.0/24")
    assert pool.free_subnet([ip_network("172.30.0.128/32")]) == IPv4Network("172.30.1.0/24")
    assert pool.free_subnet([ip_network("fd00::/8")]) == IPv4Network("172.30.0.0/24")


def test_where_all_is_taken_the_error_says_what_to_do() -> None:
    with pytest.raises(WhitError, match="no subnet is free") as raised:
        pool.free_subnet(pool.POOLS)
    assert "--subnet" in (raised.value.hint or "")


def test_addresses_are_given_from_the_lowest_without_the_gateway_s() -> None:
    assert list(islice(pool.addresses(RED), 3)) == ["172.30.5.2", "172.30.5.3", "172.30.5.4"]
    part = dataclasses.replace(RED, ip_range=IPv4Network("172.30.5.128/30"), gateway="172.30.5.129")
    assert list(pool.addresses(part)) == ["172.30.5.130"]


def test_the_ipv6_address_is_as_far_from_its_subnet_s_beginning_as_the_ipv4_address() -> None:
    assert pool.address6(RED, "172.30.5.77") == "fd00:5::4d"
    assert pool.address6(dataclasses.replace(RED, subnet6=None), "172.30.5.77") is None


def test_a_container_gets_the_first_place_of_which_nothing_is_taken() -> None:
    assert pool.place(RED, Joining("red"), {}) == Place("172.30.5.2", "fd00:5::2", "02:77:ac:1e:05:02")
    # given others who were asked for by a person: an address of either kind, or a MAC address that goes with one
    taken = {"172.30.5.2": "one", "fd00:5::3": "two", "02:77:ac:1e:05:04": "three"}
    assert pool.place(RED, Joining("red"), taken).address == "172.30.5.5"
    # what goes with an address is free where another is asked for
    assert pool.place(RED, Joining("red", address6="fd00:5::99"), taken).address == "172.30.5.3"
    gateway = dataclasses.replace(RED, gateway6="fd00:5::2")
    assert pool.place(gateway, Joining("red"), {}).address == "172.30.5.3"


def test_a_container_gets_what_was_asked_for_and_what_goes_with_it() -> None:
    wish = Joining("red", address="172.30.5.9")
    assert pool.place(RED, wish, {}) == Place("172.30.5.9", "fd00:5::9", "02:77:ac:1e:05:09")
    wish = Joining("red", address="172.30.5.9", address6="fd00:5::1:9", mac="02:42:00:00:00:01")
    assert pool.place(RED, wish, {}) == Place("172.30.5.9", "fd00:5::1:9", "02:42:00:00:00:01")


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (Joining("red", address="172.30.5.2"), "172.30.5.2 is taken in the network red, by one"),
        (Joining("red", address6="fd00:5::3"), "fd00:5::3 is taken in the network red, by two"),
        (Joining("red", mac="02:77:ac:1e:05:04"), "02:77:ac:1e:05:04 is taken in the network red, by three"),
        (Joining("red", mac=RED.mac), f"{RED.mac} is taken in the network red, by the bridge"),
        (Joining("red", address="172.30.5.3"), "fd00:5::3 goes with 172.30.5.3, and is taken in the network red"),
        (Joining("red", address6="fd00:5::1"), "fd00:5::1 is the gateway of the network red"),
        (Joining("red", address6="fd00:6::2"), "fd00:6::2 is not an address of the network red, fd00:5::/64"),
        (Joining("red", address6="fd00:5::"), "fd00:5:: is not an address of the network red"),
    ],
)
def test_who_has_what_was_asked_for_is_told(wish: Joining, why: str) -> None:
    taken = {"172.30.5.2": "one", "fd00:5::3": "two", "02:77:ac:1e:05:04": "three"}
    with pytest.raises(WhitError) as raised:
        pool.place(RED, wish, taken)
    assert raised.value.message.startswith(why)


def test_an_ipv6_address_takes_a_network_that_has_ipv6() -> None:
    with pytest.raises(UsageError, match="the network red has no IPv6"):
        pool.place(dataclasses.replace(RED, subnet6=None), Joining("red", address6="fd00:5::3"), {})


@pytest.mark.parametrize("address", ["172.30.5.0", "172.30.5.255", "172.30.6.1", "172.30.5.1", "x", "fd00:5::2"])
def test_an_address_that_no_container_can_have_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        pool.check_address(RED, address)


def test_a_network_gets_what_was_asked_for() -> None:
    wishes = Wishes(
        "blue", subnets=("10.9.0.0/16", "fd09::/64"), gateways=("10.9.0.254", "fd09::fe"), ranges=("10.9.1.0/24",),
        internal=True, labels=("a=b", "c"), options=("com.docker.network.driver.mtu=1400",),
    )  # fmt: skip

    network = new_network(wishes, [RED], [], IDENTITY)

    assert (network.subnet, network.gateway) == (IPv4Network("10.9.0.0/16"), "10.9.0.254")
    assert (network.subnet6, network.gateway6) == (IPv6Network("fd09::/64"), "fd09::fe")
    assert network.ip_range == IPv4Network("10.9.1.0/24")
    assert (network.internal, network.mtu, network.automatic) == (True, 1400, False)
    assert network.labels == (("a", "b"), ("c", ""))


def test_a_network_of_which_nothing_is_asked_avoids_the_others() -> None:
    taken = [IPv4Network(f"172.30.{number}.0/24") for number in range(5)]

    network = new_network(Wishes("blue", ipv6=True), [RED], taken, IDENTITY)

    assert network.subnet == IPv4Network("172.30.6.0/24")
    assert network.subnet6 == IPv6Network("fdab:abab:abab:abab::/64")
    assert network.gateway6 == "fdab:abab:abab:abab::1"


@pytest.mark.parametrize(
    ("wishes", "why"),
    [
        (Wishes("red"), "there is a network red already"),
        (Wishes("host"), "host is a network of whit's own"),
        (Wishes("../x"), "can't be a network's name"),
        (Wishes("-x"), "can't be a network's name"),
        (Wishes("a", driver="overlay"), "there is no driver overlay"),
        (Wishes("a", subnets=("10.0.0.1/24",)), "host bits"),
        (Wishes("a", subnets=("10.0.0.0/31",)), "no room"),
        (Wishes("a", subnets=("10.0.0.0/24", "10.1.0.0/24")), "one subnet of IPv4"),
        (Wishes("a", subnets=("172.30.0.0/16",)), "overlaps the network red"),
        (Wishes("a", subnets=("fd00:5::/48",)), "overlaps the network red"),
        (Wishes("a", subnets=("192.0.2.0/24",)), "its route to 192.0.2.0/24"),
        (Wishes("a", subnets=("10.0.0.0/8", "fd01::/120")), "less room"),
        (Wishes("a", subnets=("10.0.0.0/24",), gateways=("10.0.1.1",)), "--gateway 10.0.1.1"),
        (Wishes("a", subnets=("10.0.0.0/24",), ranges=("10.0.1.0/28",)), "--ip-range"),
        (Wishes("a", options=("mtu=67",)), "size of packets"),
        (Wishes("a", options=("icc=false",)), "no such option"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(wishes: Wishes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        new_network(wishes, [RED], [ip_network("192.0.2.0/24"), ip_network("10.0.0.0/8")][:1], IDENTITY)


def test_a_part_of_what_the_host_reaches_by_a_wide_route_can_be_asked_for() -> None:
    network = new_network(Wishes("a", subnets=("10.9.0.0/24",)), [], [ip_network("10.0.0.0/8")], IDENTITY)

    assert network.subnet == IPv4Network("10.9.0.0/24")
