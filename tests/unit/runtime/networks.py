"""Networks and members that unit tests of networks use."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from whit.runtime.engine.networks.model import Endpoint, Member, Network, PortMapping, mac_of

RED = Network(
    name="red",
    id="0123456789abcdef" * 4,
    device="whit_0123456789",
    subnet=IPv4Network("172.30.5.0/24"),
    gateway="172.30.5.1",
    created="2026-01-31T12:00:00Z",
    subnet6=IPv6Network("fd00:5::/64"),
    gateway6="fd00:5::1",
    labels=(("team", "a"),),
)


def member(
    number: int, *ports: PortMapping, name: str = "", network: str = "red", gateway: str = "172.30.5.1"
) -> Member:
    """A container with the given last part of its addresses."""
    name = name or f"c{number}"
    address = f"172.30.5.{number}"
    place = Endpoint(network, address, f"fd00:5::{number:x}", mac_of(address), "eth0", gateway)
    return Member(f"{number:064x}", name, (name,), (), ports, (place,))
