"""``linux.netDevices``: interfaces of the host's move into the container's network namespace, with their addresses.

The launcher's child asks for it as for a hook, once it is in that namespace: Python is started with the child's pid.

Source: OCI runtime-spec, config-linux, "Network Devices".
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.support.errors import LaunchError
from whit.runtime.engine.networks.links import find_link
from whit.runtime.engine.networks.netlink import Netlink, NetlinkError, inside
from whit.runtime.oci.records import CONFIG
from whit.runtime.oci.rtnetlink import GET_ADDRESSES, address_message, move_message, read_address, up_message
from whit.runtime.oci.spec import parse_spec

if TYPE_CHECKING:
    from whit.runtime.engine.networks.netlink import Message
    from whit.runtime.oci.rtnetlink import Address

WHERE = "linux.netDevices"
NUMBERED = "%d"
"""In a name: the kernel puts the first number there that makes it unique."""

Devices = tuple[tuple[str, str], ...]
"""(interface, its name in the container) each."""


def _names() -> dict[str, int]:
    return {name: index for index, name in socket.if_nameindex()}


def _on_host(devices: Devices) -> dict[str, int]:
    """Interface → its number. Raises :class:`LaunchError` where one is missing: before any is moved."""
    known = _names()
    missing = [name for name, _ in devices if name not in known]
    if missing:
        raise LaunchError(f"{WHERE}: there is no network interface {missing[0]} here", hint="'ip link' shows them")
    return known


def _check_names(devices: Devices) -> None:
    """Raises :class:`LaunchError` where a name is taken in the container's namespace, or is asked for twice."""
    taken = set(_names())
    for name, there in devices:
        if NUMBERED not in there and there in taken:
            raise LaunchError(
                f"{WHERE}[{name!r}]: the container has an interface {there} already",
                hint=f"give it another name there, or {there.rstrip('0123456789')[:13]}%d for any number",
            )
        taken.add(there)


def _move(host: Netlink, index: int, there: str, namespace: int) -> int:
    """Its number there."""
    before = _names()
    host.do(move_message(index, there, namespace))
    now = _names()
    return now[next(name for name in now if name not in before) if NUMBERED in there else there]


class _Move:
    """Interfaces on their way: asked of the host's namespace by ``host``, seen from the container's, where this process is."""

    def __init__(
        self, host: Netlink, known: dict[str, int], addresses: list[Address], namespaces: tuple[int, int]
    ) -> None:
        self.host, self.known, self.addresses = host, known, addresses
        self.outside, self.inside = namespaces

    def _own(self, name: str, index: int) -> tuple[Message, ...]:
        """What makes it what it was: its addresses, and that it is up."""
        own = (address for address in self.addresses if address.index == self.known[name])
        return (*(address_message(address, index) for address in own), up_message(index))

    def take(self, devices: Devices) -> None:
        """Have them come, all or none. Raises :class:`LaunchError`."""
        _check_names(devices)
        moved: list[tuple[str, int]] = []
        with Netlink() as here:
            for name, there in devices:
                try:
                    moved.append((name, _move(self.host, self.known[name], there, self.inside)))
                    here.do(*self._own(*moved[-1]))
                except NetlinkError as error:
                    self._back(here, moved)
                    raise LaunchError(
                        f"{WHERE}[{name!r}]: {error.message}",
                        hint="some kinds stay in their namespace: loopback, and what is bound to others there",
                    ) from None

    def _back(self, here: Netlink, moved: list[tuple[str, int]]) -> None:
        """With the container's namespace the kernel would remove those that aren't hardware."""
        for name, index in moved:
            here.do(move_message(index, name, self.outside))
            link = find_link(self.host, name)
            if link is not None:
                self.host.do(*self._own(name, link.index))


def move_devices(devices: Devices, namespace: int) -> None:
    """Move them to the network namespace of that descriptor, all or none. Raises :class:`LaunchError`."""
    known = _on_host(devices)
    with Path("/proc/self/ns/net").open("rb") as own, Netlink() as host:
        if os.path.samestat(os.fstat(own.fileno()), os.fstat(namespace)):
            raise LaunchError(f"{WHERE}: the container's network namespace is the host's", hint="name another one")
        addresses = [address for address in map(read_address, host.ask(GET_ADDRESSES)) if address.lasting]
        move = _Move(host, known, addresses, (own.fileno(), namespace))
        # The host's socket stays in the namespace in which it was made.
        inside(namespace, lambda: move.take(devices))


def give_devices(place: Path, pid: int) -> None:
    """Those that the container's configuration names, to its first process's namespace."""
    spec = parse_spec((place / CONFIG).read_bytes())
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    move_devices(spec.linux.network_devices, namespace)
