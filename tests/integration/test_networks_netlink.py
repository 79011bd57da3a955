"""What the kernel refuses is told in its own words, or in whit's where it says only a number."""

from __future__ import annotations

import dataclasses
import os
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.support.errors import WhitError
from whit.runtime.engine.networks import links
from whit.runtime.engine.networks.attaching import attach
from whit.runtime.engine.networks.model import Endpoint, Joining, Member, Network
from whit.runtime.engine.networks.netlink import Netlink, NetlinkError, attributes, inside

if TYPE_CHECKING:
    from tests.integration.netlab import Lab

pytestmark = [pytest.mark.root, pytest.mark.peer("nft", "ip", "setpriv", "unshare", "nsenter")]

RED = Network("red", "ab" * 32, "red0", IPv4Network("172.30.5.0/24"), "172.30.5.1")


def refusal(place: Lab, network: Network, endpoint: Endpoint) -> str:
    """What is said when a container can't be connected."""

    def connect() -> None:
        with Netlink() as netlink:
            bridge = links.find_link(netlink, RED.device)
            if bridge is None:
                links.make_bridge(netlink, RED)
                bridge = links.find_link(netlink, RED.device)
            assert bridge is not None
            links.join(netlink, bridge.index, network, "wv1", endpoint, place.client.descriptor)

    with pytest.raises(NetlinkError) as raised:
        place.host.do(connect)
    return raised.value.message


def test_a_bridge_that_is_there_is_named(place: Lab) -> None:
    def make() -> None:
        with Netlink() as netlink:
            links.make_bridge(netlink, RED)

    place.host.do(make)

    with pytest.raises(NetlinkError) as raised:
        place.host.do(make)
    assert raised.value.message == "can't make the bridge red0: it is there already"


def test_the_kernel_s_own_words_are_given_where_it_has_some(place: Lab) -> None:
    elsewhere = dataclasses.replace(RED, gateway="10.0.0.1")
    endpoint = Endpoint("red", "172.30.5.2", None, "02:00:00:00:00:02", "eth0", elsewhere.gateway)

    assert refusal(place, elsewhere, endpoint) == "can't route by 10.0.0.1: Nexthop has invalid gateway"


def test_who_may_not_is_told_what_it_takes(place: Lab) -> None:
    def refused() -> str:
        """In a process of its own, which has given root up."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setresuid(54321, 54321, 54321)
                with Netlink() as netlink:
                    links.make_bridge(netlink, RED)
            except WhitError as error:
                os.write(writer, f"{error.message}; {error.hint}".encode())
            finally:
                os._exit(0)
        os.close(writer)
        os.waitpid(child, 0)
        with os.fdopen(reader) as said:
            return said.read()

    assert place.host.do(refused) == (
        "can't make the bridge red0: operation not permitted; this needs CAP_NET_ADMIN: run it as root"
    )


def test_a_container_that_has_ended_is_told_of(place: Lab) -> None:
    before = place.traces()
    container = place.make("gone")
    pid = container.space.pid
    place.end(container)

    with pytest.raises(WhitError, match="the container has ended before its networks were there"):
        place.host.do(lambda: attach(place.root, Member(container.id, "gone", ("gone",)), (Joining(),), pid))

    assert place.traces() == before


def test_work_in_another_namespace_leaves_the_caller_in_its_own(place: Lab) -> None:
    def here() -> str:
        return str(Path("/proc/thread-self/ns/net").readlink())

    before = here()

    there = inside(place.client.descriptor, here)

    assert there == str(Path(f"/proc/{place.client.pid}/ns/net").readlink())
    assert here() == before != there


def test_an_error_in_another_namespace_is_the_caller_s(place: Lab) -> None:
    def fail() -> None:
        raise WhitError("no")

    with pytest.raises(WhitError, match="no"):
        inside(place.client.descriptor, fail)
    with pytest.raises(WhitError, match="can't enter the container's network namespace"):
        inside(os.open("/dev/null", os.O_RDONLY), fail)


@given(st.binary(max_size=64))
def test_any_bytes_are_attributes_or_none(data: bytes) -> None:
    found = attributes(data)

    assert sum(map(len, found.values())) <= len(data)
