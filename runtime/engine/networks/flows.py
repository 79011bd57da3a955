"""What the kernel remembers of conversations by UDP: who has asked at a port before goes on reaching whom he reached then.

A conversation ends when nobody has spoken for a while, so one that goes on would never see that a port leads elsewhere
now. Source: linux/netfilter/nfnetlink_conntrack.h; since Linux 5.8 the kernel looks for them itself.
"""

from __future__ import annotations

import errno
import socket
import struct

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.networks import links
from whit.runtime.engine.networks.model import Protocol
from whit.runtime.engine.networks.netlink import NETFILTER, Message, Netlink, attribute, nested
from whit.runtime.engine.networks.rules import ANYWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.runtime.engine.networks.model import PortMapping

_DELETE = (1 << 8) | 2
_ASKED, _FILTER, _FILTER_ASKED = 1, 25, 1
_IP, _PROTO, _TO4, _TO6, _NUMBER, _TO_PORT = 1, 2, 2, 4, 1, 3
_BY_ADDRESS, _BY_PROTOCOL, _BY_PORT = 1 << 1, 1 << 3, 1 << 5
_FINE = (errno.ENOENT, errno.EINVAL, errno.EOPNOTSUPP)
"""There are none; or the kernel is older, or has no conntrack: then they end in their own time."""


def forget(netlink: Netlink, ports: Iterable[PortMapping]) -> None:
    """Have the next packet to any of these ports be a new conversation's."""
    messages = [
        _message(address, port) for port in ports if port.protocol is Protocol.UDP for address in _at(netlink, port)
    ]
    if messages:
        with Netlink(NETFILTER) as conntrack:
            conntrack.do(*messages)


def _at(netlink: Netlink, port: PortMapping) -> Iterable[str]:
    if port.host_address not in ANYWHERE:
        return [port.host_address]
    return links.addresses(netlink, socket.AF_INET6 if port.is_v6 else socket.AF_INET)


def _message(address: str, port: PortMapping) -> Message:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    to = attribute(_TO6 if family == socket.AF_INET6 else _TO4, socket.inet_pton(family, address))
    proto = attribute(_NUMBER, bytes([socket.IPPROTO_UDP])) + attribute(_TO_PORT, struct.pack(">H", port.host_port))
    body = struct.pack("=BBH", family, 0, 0) + nested(_ASKED, nested(_IP, to), nested(_PROTO, proto))
    body += nested(_FILTER, attribute(_FILTER_ASKED, _BY_ADDRESS | _BY_PROTOCOL | _BY_PORT))
    return Message(_DELETE, body, f"forget who asked at {port}", fine=_FINE)
