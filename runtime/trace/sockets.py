"""Addresses out of socket calls: what a program listens on and connects to."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from whit.runtime.trace.calls import BIND, CONNECT, LISTEN, SEND, SEND_ADDRESS, SOCKET
from whit.runtime.trace.kernel import copy_descriptor
from whit.runtime.trace.sightings import Address

if TYPE_CHECKING:
    from whit.runtime.trace.kernel import Notification
    from whit.runtime.trace.process import Processes
    from whit.runtime.trace.sightings import Sightings

FAMILIES: dict[int, str] = {
    socket.AF_UNIX: "unix",
    socket.AF_INET: "ipv4",
    socket.AF_INET6: "ipv6",
    socket.AF_NETLINK: "netlink",
    socket.AF_PACKET: "packet",
}
LARGEST_ADDRESS = 128
INT = 0xFFFF_FFFF
TRANSPORTS: dict[int, str] = {socket.SOCK_STREAM: "tcp", socket.SOCK_DGRAM: "udp", socket.SOCK_RAW: "raw"}


def parse_address(data: bytes) -> tuple[int, str, int | None] | None:
    """(family, host or path, port) of a ``struct sockaddr``; None for one that says nothing.

    A path of the abstract namespace begins with ``@``.
    """
    if len(data) < 2:  # noqa: PLR2004 - sa_family
        return None
    (family,) = struct.unpack_from("=H", data)
    if family == socket.AF_UNIX:
        name = data[2:]
        if not name:
            return None
        text = b"@" + name[1:] if name[:1] == b"\0" else name.partition(b"\0")[0]
        return family, os.fsdecode(text), None
    if family == socket.AF_INET and len(data) >= 8:  # noqa: PLR2004 - sin_addr's end
        return family, socket.inet_ntop(family, data[4:8]), int.from_bytes(data[2:4], "big")
    if family == socket.AF_INET6 and len(data) >= 24:  # noqa: PLR2004 - sin6_addr's end
        return family, socket.inet_ntop(family, data[8:24]), int.from_bytes(data[2:4], "big")
    return (family, "", None) if family else None


def transport(process: int, descriptor: int) -> str:
    """tcp, udp or raw, asked of the socket itself; empty if it can't be told."""
    try:
        copy = copy_descriptor(process, descriptor)
    except OSError:
        return ""
    try:
        with socket.socket(fileno=copy) as own:
            return TRANSPORTS.get(own.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), "")
    except OSError:
        return ""


class Sockets:
    """What is known of the sockets of one run."""

    def __init__(self, processes: Processes, sightings: Sightings) -> None:
        self._processes = processes
        self._sightings = sightings
        self._bound: dict[str, Address] = {}

    def observe(self, name: str, call: Notification) -> str | None:
        """Take a socket call into account. Returns a path that is connected to, else None."""
        if name == SOCKET:
            family = call.arguments[0] & INT
            self._sightings.families.add(FAMILIES.get(family, f"family {family}"))
            return None
        if name == LISTEN:
            self._listens(call)
            return None
        at, size = (SEND_ADDRESS, 5) if name == SEND else (1, 2)
        length = min(call.arguments[size] & INT, LARGEST_ADDRESS)
        found = parse_address(self._processes.read(call.thread, call.arguments[at], length))
        return self._addressed(name, call, *found) if found else None

    def _addressed(self, name: str, call: Notification, family: int, host: str, port: int | None) -> str | None:
        descriptor = call.arguments[0] & INT
        if family == socket.AF_UNIX and not host.startswith("@"):
            if name == BIND:
                self._remember(name, call, Address("connect", "unix", host))
                return None
            self._sightings.reached(Address("connect", "unix", host))
            return host
        if port is None:
            if host:
                self._remember(name, call, Address("connect", "abstract", host))
            return None
        process = self._processes.process_of(call.thread)
        kind = transport(process, descriptor) if process is not None else ""
        kind = "udp" if name == SEND else kind or FAMILIES[family]
        # A datagram socket is "connected" to port 0 to learn which address would be used: nothing is sent.
        if name == CONNECT and port == 0:
            return None
        self._remember(name, call, Address("connect", kind, host, port))
        return None

    def _remember(self, name: str, call: Notification, address: Address) -> None:
        if name == BIND:
            address = replace(address, deed="bind")
            self._bound[self._key(call)] = address
            if address.port == 0:
                # Any port: a client's, or a look at which families there are.
                return
        self._sightings.reached(address)

    def _listens(self, call: Notification) -> None:
        bound = self._bound.get(self._key(call))
        if bound is not None:
            self._sightings.addresses.pop(bound, None)
        address = bound or Address("", "tcp", "0.0.0.0", 0)  # noqa: S104 - what the kernel takes
        self._sightings.reached(replace(address, deed="listen"))

    def _key(self, call: Notification) -> str:
        """What tells a socket from others in all processes: the kernel's number for it."""
        descriptor = call.arguments[0] & INT
        return self._processes.descriptor(call.thread, descriptor) or f"{call.thread}:{descriptor}"
