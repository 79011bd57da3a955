"""Bridges, veth pairs, addresses and routes. Source: rtnetlink(7), linux/if_link.h, linux/veth.h."""

from __future__ import annotations

import errno
import os
import socket
import struct
from ipaddress import ip_network
from pathlib import Path

from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.engine.networks.netlink import (
    CREATE,
    DUMP,
    EXCLUSIVE,
    IncapableError,
    Message,
    Netlink,
    attribute,
    attributes,
    inside,
    nested,
)

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from whit.runtime.engine.networks.model import Endpoint, Network

_NEWLINK, _DELLINK, _GETLINK, _NEWADDR, _GETADDR, _NEWROUTE, _GETROUTE = 16, 17, 18, 20, 22, 24, 26
_ADDRESS, _NAME, _MTU, _MASTER, _INFO, _ALIAS, _NAMESPACE = 1, 3, 4, 10, 18, 20, 28
_KIND, _DATA, _PORT_KIND, _PORT_DATA = 1, 2, 4, 5
_PEER, _HAIRPIN = 1, 4
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS, _NO_DAD = 1, 2, 8, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY = 1, 4, 5
_UP = 1
_LOOPBACK = 1
_MAIN, _LOCAL, _BY_ADMINISTRATOR, _UNICAST = 254, 255, 4, 1
_WHOLE = 2
"""A route for less than this many bits is a default route, which leads everywhere and takes no subnet."""


@dataclass(frozen=True, slots=True)
class Link:
    """An interface: its number, and its MAC address."""

    index: int
    mac: str


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface as it is listed; ``is_master`` is whether others are in it, as in a bridge."""

    name: str
    mac: str
    alias: bytes
    is_master: bool


def interfaces(netlink: Netlink) -> list[Interface]:
    """All of this namespace."""
    answers = netlink.ask(Message(_GETLINK, _info(), "list the interfaces", DUMP))
    found = [(answer[4:8], attributes(answer[16:])) for answer in answers]
    masters = {each[_MASTER] for _, each in found if _MASTER in each}
    return [
        Interface(
            each[_NAME].rstrip(b"\0").decode(errors="replace"),
            each.get(_ADDRESS, b"").hex(":"),
            each.get(_ALIAS, b"").rstrip(b"\0"),
            index in masters,
        )
        for index, each in found
        if _NAME in each
    ]


def find_link(netlink: Netlink, name: str) -> Link | None:
    """An interface of this namespace by its name."""
    question = Message(_GETLINK, _info() + attribute(_NAME, name), f"look for {name}", fine=(errno.ENODEV,))
    answers = netlink.ask(question)
    if not answers:
        return None
    mac = attributes(answers[0][16:]).get(_ADDRESS, b"")
    return Link(struct.unpack_from("=i", answers[0], 4)[0], mac.hex(":"))


def routed(netlink: Netlink) -> list[IPv4Network | IPv6Network]:
    """The networks that the host has routes to, in any table; not the default routes."""
    found: list[IPv4Network | IPv6Network] = []
    for family in (socket.AF_INET, socket.AF_INET6):
        question = Message(_GETROUTE, struct.pack("=BBBBBBBBI", family, *(0,) * 8), "list the routes", DUMP)
        for answer in netlink.ask(question):
            size, kind = answer[1], answer[7]
            target = attributes(answer[12:]).get(_RTA_DST)
            if target and size >= _WHOLE and kind == _UNICAST:
                found.append(ip_network((socket.inet_ntop(family, target), size)))
    return found


def addresses(netlink: Netlink, family: int) -> list[str]:
    """The host's own addresses of a family."""
    question = Message(_GETADDR, struct.pack("=BBBBI", family, 0, 0, 0, 0), "list the addresses", DUMP)
    found = (attributes(answer[8:]) for answer in netlink.ask(question))
    return [socket.inet_ntop(family, own) for each in found if (own := each.get(_IFA_LOCAL) or each.get(_IFA_ADDRESS))]


def make_bridge(netlink: Netlink, network: Network, alias: bytes = b"") -> None:
    """The network's bridge, with its addresses and without IPv6 where the network has none."""
    mtu = attribute(_MTU, network.mtu) if network.mtu else b""
    name = network.device
    body = _info() + attribute(_NAME, name) + attribute(_ADDRESS, _mac(network.mac)) + mtu
    body += nested(_INFO, attribute(_KIND, "bridge"))
    netlink.do(Message(_NEWLINK, body, f"make the bridge {name}", CREATE | EXCLUSIVE))
    _set(f"ipv4/conf/{name}/route_localnet", "1")
    _without_v6(name, keep=network.subnet6 is not None)
    link = find_link(netlink, name)
    index = link.index if link else 0
    netlink.do(
        _address(index, network.gateway, network.subnet.prefixlen, name),
        *([_address(index, network.gateway6, network.subnet6.prefixlen, name)] if network.subnet6 else []),
        _up(index, name, attribute(_ALIAS, alias) if alias else b""),
    )


def remove_link(netlink: Netlink, name: str) -> None:
    """Remove an interface, if it is there."""
    netlink.do(Message(_DELLINK, _info() + attribute(_NAME, name), f"remove {name}", fine=(errno.ENODEV,)))


def join(netlink: Netlink, bridge: int, network: Network, host_end: str, endpoint: Endpoint, namespace: int) -> None:
    """A veth pair: one end in the bridge, the other, with the endpoint's addresses, in the container's namespace."""
    mtu = attribute(_MTU, network.mtu) if network.mtu else b""
    peer = _info() + attribute(_NAME, endpoint.interface) + attribute(_ADDRESS, _mac(endpoint.mac)) + mtu
    peer += attribute(_NAMESPACE, namespace)
    pair = nested(_INFO, attribute(_KIND, "veth"), nested(_DATA, nested(_PEER, peer)))
    body = _info(flags=_UP, change=_UP) + attribute(_NAME, host_end) + attribute(_MASTER, bridge) + mtu + pair
    netlink.do(Message(_NEWLINK, body, f"connect the container to the network {network.name}", CREATE | EXCLUSIVE))
    inside(namespace, lambda: _configure(network, endpoint))


def reflect(netlink: Netlink, host_end: str) -> None:
    """Let a bridge send back to where it came from: a container reaches itself by its published port.

    Needed where the bridge itself asks the rules (bridge-nf-call-iptables), as it does by default.
    """
    port = nested(_INFO, attribute(_PORT_KIND, "bridge"), nested(_PORT_DATA, attribute(_HAIRPIN, b"\1")))
    netlink.do(Message(_NEWLINK, _info() + attribute(_NAME, host_end) + port, f"set {host_end}"))


def _configure(network: Network, endpoint: Endpoint) -> None:
    """In the container's namespace: the interface's addresses, and the way out if the container has none yet."""
    name = endpoint.interface
    _without_v6(name, keep=endpoint.address6 is not None)
    with Netlink() as netlink:
        link = find_link(netlink, name)
        index = link.index if link else 0
        messages = [_up(_LOOPBACK, "lo"), _address(index, endpoint.address, network.subnet.prefixlen, name)]
        if endpoint.address6 and network.subnet6:
            messages.append(_address(index, endpoint.address6, network.subnet6.prefixlen, name))
        messages.append(_up(index, name))
        if not network.internal:
            messages.append(_default_route(index, network.gateway))
            if endpoint.address6:
                messages.append(_default_route(index, network.gateway6))
        netlink.do(*messages)


def route_by(namespace: int, network: Network, endpoint: Endpoint) -> None:
    """Have a container go out by another network, after it has left the one by which it did."""
    gateways = [network.gateway, *([network.gateway6] if endpoint.address6 else [])]

    def change() -> None:
        with Netlink() as netlink:
            netlink.do(*(_default_route(0, gateway) for gateway in gateways))

    inside(namespace, change)


def _info(index: int = 0, flags: int = 0, change: int = 0) -> bytes:
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, flags, change)


def _up(index: int, name: str, more: bytes = b"") -> Message:
    return Message(_NEWLINK, _info(index, _UP, _UP) + more, f"turn {name} on")


def _address(index: int, address: str, size: int, name: str) -> Message:
    """Without the second that the kernel would wait for somebody else to claim the same IPv6 address."""
    family, packed = _packed(address)
    body = struct.pack("=BBBBI", family, size, 0, 0, index)
    body += attribute(_IFA_LOCAL, packed) + attribute(_IFA_ADDRESS, packed) + attribute(_IFA_FLAGS, _NO_DAD)
    return Message(_NEWADDR, body, f"give {name} the address {address}", CREATE | EXCLUSIVE)


def _default_route(index: int, gateway: str) -> Message:
    family, packed = _packed(gateway)
    body = struct.pack("=BBBBBBBBI", family, 0, 0, 0, _MAIN, _BY_ADMINISTRATOR, 0, _UNICAST, 0)
    body += attribute(_RTA_GATEWAY, packed) + (attribute(_RTA_OIF, index) if index else b"")
    return Message(_NEWROUTE, body, f"route by {gateway}", CREATE | EXCLUSIVE, fine=(errno.EEXIST,))


def _packed(address: str) -> tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _without_v6(name: str, *, keep: bool) -> None:
    """No IPv6 where the network has none; and never routes that a neighbour announces."""
    if os.path.exists("/proc/sys/net/ipv6"):  # noqa: PTH110 - on the way of each start
        _set(f"ipv6/conf/{name}/accept_ra", "0")
        if not keep:
            _set(f"ipv6/conf/{name}/disable_ipv6", "1")


def _set(setting: str, value: str) -> None:
    """A setting of this thread's network namespace."""
    write_setting(Path("/proc/sys/net", setting), value)


def write_setting(file: Path, value: str) -> None:
    """Change one of the kernel's settings. Raises :class:`IncapableError` where it lets nobody do that."""
    try:
        file.write_text(value)
    except OSError as error:
        if error.errno not in {errno.EROFS, errno.EACCES, errno.EPERM}:
            raise
        reason = (error.strerror or "").lower()
        raise IncapableError(f"can't set {file}: {reason}", hint="use --network none") from None
