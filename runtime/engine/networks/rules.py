"""A network as a table of nft's: which ports lead to whom, who is masked as the host, who must not pass. Pure.

A table is made whole, from what is on disk; containers' ports are elements of its maps, which come and go. Where the two
don't agree the table is made anew in one transaction: connections that go on keep their way, since the kernel keeps that
with each connection. No rule accepts anything for others: an accept ends this table's chain only.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.runtime.engine.networks.model import Endpoint, Member, Network, PortMapping

ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what a person asked for
LOCAL6 = "::1"
_KINDS = {
    "published4": "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service",
    "anywhere4": "inet_proto . inet_service : ipv4_addr . inet_service",
    "published6": "ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service",
    "anywhere6": "inet_proto . inet_service : ipv6_addr . inet_service",
}


def table(network: Network, members: Iterable[Member], *, replacing: bool) -> str:
    """A transaction that makes the network's table, in the place of the one that is there if it is ``replacing``."""
    name = f"inet {network.device}"
    lines = [
        *([f"delete table {name}"] if replacing else []),
        f"table {name} {{",
        *_maps(element for member in members for element in _elements(network, member)),
        *_publishing(),
        *_leaving(network),
        *_guarding(network),
        "}",
    ]
    return "\n".join(lines) + "\n"


def publish(network: Network, member: Member) -> str:
    """A transaction that adds a container's ports to the table; empty if it publishes none in this network."""
    return "".join(
        f"add element inet {network.device} {name} {{ {key} : {target} }}\n"
        for name, key, target in _elements(network, member)
    )


def unpublish(network: Network, member: Member) -> str:
    """A transaction that takes them out of it."""
    return "".join(
        f"delete element inet {network.device} {name} {{ {key} }}\n" for name, key, _ in _elements(network, member)
    )


def claims(network: Network, members: Iterable[Member]) -> set[tuple[str, str]]:
    """Which keys of which maps lead to these containers."""
    return {(name, key) for member in members for name, key, _ in _elements(network, member)}


def proxied(member: Member) -> tuple[PortMapping, ...]:
    """The ports that no rule can lead to the container: [::1], which never leaves the host, and IPv6 where it has none."""
    place = member.outward
    return tuple(port for port in member.ports if place and _target(place, port) is None)


def _target(place: Endpoint, port: PortMapping) -> str | None:
    if port.host_address == LOCAL6:
        return None
    return place.address6 if port.is_v6 else place.address


def _elements(network: Network, member: Member) -> Iterator[tuple[str, str, str]]:
    """A container's ports as elements of maps: the map, the key, where it leads."""
    endpoint = member.at(network.name)
    if endpoint is None or endpoint != member.outward:
        return
    for port in member.ports:
        target = _target(endpoint, port)
        if target is None:
            continue
        family = 6 if port.is_v6 else 4
        key, to = f"{port.protocol.value} . {port.host_port}", f"{target} . {port.container_port}"
        if port.host_address in ANYWHERE:
            yield f"anywhere{family}", key, to
        else:
            yield f"published{family}", f"{port.host_address} . {key}", to


def _maps(elements: Iterable[tuple[str, str, str]]) -> list[str]:
    """Of two who claim a port it is the later one's, who holds its socket: the other has gone without a word."""
    latest = {(name, key): target for name, key, target in elements}
    lines = []
    for name, kind in _KINDS.items():
        listed = ", ".join(f"{key} : {target}" for (where, key), target in latest.items() if where == name)
        inside = f" elements = {{ {listed} }};" if listed else ""
        lines.append(f"  map {name} {{ type {kind};{inside} }}")
    return lines


def _publishing() -> list[str]:
    """127.0.0.1 is the host's own: who sends to it from outside, which only a neighbour on the wire can, gets nowhere."""
    return [
        "  chain publish {",
        "    meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @published4",
        "    meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @anywhere4",
        "    meta l4proto { tcp, udp } dnat ip6 to ip6 daddr . meta l4proto . th dport map @published6",
        "    meta l4proto { tcp, udp } dnat ip6 to meta l4proto . th dport map @anywhere6",
        "  }",
        "  chain arriving {",
        "    type nat hook prerouting priority -100; policy accept;",
        "    ip daddr 127.0.0.0/8 return",
        "    fib daddr type local jump publish",
        "  }",
        "  chain own {",
        "    type nat hook output priority -100; policy accept;",
        f"    ip6 daddr {LOCAL6} return",
        "    fib daddr type local jump publish",
        "  }",
    ]


def _leaving(network: Network) -> list[str]:
    """Answers must come back the way the question went: through the host.

    That needs a mask where the host spoke from 127.0.0.1, where container and container share the bridge, and where
    nobody beyond the host knows the subnet.
    """
    device = f'"{network.device}"'
    subnets = [f"ip saddr {network.subnet}", *([f"ip6 saddr {network.subnet6}"] if network.subnet6 else [])]
    return [
        "  chain leaving {",
        "    type nat hook postrouting priority 100; policy accept;",
        f'    oifname {device} ip saddr 127.0.0.0/8 masquerade comment "whit network {network.name}"',
        *(f"    oifname {device} {subnet} ct status dnat masquerade" for subnet in subnets),
        *([] if network.internal else [f"    oifname != {device} {subnet} masquerade" for subnet in subnets]),
        "  }",
    ]


def _guarding(network: Network) -> list[str]:
    """Into the network goes what belongs to a connection from it, and what was sent to a published port.

    Nobody's 127.0.0.1 is on the bridge: without that rule a container could reach what the host keeps to itself,
    since the bridge lets such addresses pass for the sake of published ports.
    """
    device = f'"{network.device}"'
    return [
        "  chain guard {",
        "    type filter hook prerouting priority -300; policy accept;",
        f"    iifname {device} ip saddr 127.0.0.0/8 drop",
        f"    iifname {device} ip daddr 127.0.0.0/8 drop",
        "  }",
        "  chain forwarded {",
        "    type filter hook forward priority 0; policy accept;",
        f"    iifname {device} oifname {device} accept",
        *(
            [f"    oifname {device} drop", f"    iifname {device} drop"]
            if network.internal
            else [
                f"    oifname {device} ct state established,related accept",
                f"    oifname {device} ct status dnat accept",
                f"    oifname {device} drop",
            ]
        ),
        "  }",
    ]
