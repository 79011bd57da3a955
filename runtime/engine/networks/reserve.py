"""Binds the host's ports before a container starts: so one that is taken is an error, and nobody else takes it meanwhile.

The kernel's rules lead a published port to the container before any socket is asked; they wouldn't notice that somebody
listens there. A socket that is bound and doesn't listen holds the port as long as somebody keeps it open.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from pathlib import Path

from whit.packer.support.errors import LaunchError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.engine.networks.model import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from whit.runtime.engine.networks.model import PortMapping

_LISTEN = 10
_PRIVILEGED = 1024


def reserve(
    mappings: Iterable[PortMapping], container_at: Callable[[PortMapping], str] = lambda _: ""
) -> tuple[tuple[socket.socket, ...], tuple[PortMapping, ...]]:
    """A bound socket for each mapping, in the same order, and the mappings with the ports that they got.

    ``container_at`` knows which container has a port that is taken: its socket doesn't listen, and /proc doesn't tell.
    Raises :class:`LaunchError`, with no socket left open.
    """
    sockets: list[socket.socket] = []
    real: list[PortMapping] = []
    try:
        for mapping in mappings:
            bound = _bound(mapping, container_at)
            sockets.append(bound)
            real.append(replace(mapping, host_port=bound.getsockname()[1]))
    except BaseException:
        for bound in sockets:
            bound.close()
        raise
    return tuple(sockets), tuple(real)


def _bound(mapping: PortMapping, container_at: Callable[[PortMapping], str]) -> socket.socket:
    family = socket.AF_INET6 if mapping.is_v6 else socket.AF_INET
    kind = socket.SOCK_STREAM if mapping.protocol is Protocol.TCP else socket.SOCK_DGRAM
    made = socket.socket(family, kind | socket.SOCK_CLOEXEC)
    try:
        if mapping.is_v6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            made.bind((mapping.host_address, mapping.host_port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _only_remembered(mapping):
                raise
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((mapping.host_address, mapping.host_port))
            # Nobody who is as forgiving may share it.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    except OSError as error:
        made.close()
        raise _refused(mapping, error, container_at) from None
    return made


def _refused(mapping: PortMapping, error: OSError, container_at: Callable[[PortMapping], str]) -> LaunchError:
    at = f"[{mapping.host_address}]" if mapping.is_v6 else mapping.host_address
    where = f"port {mapping.host_port}/{mapping.protocol.value} of {at}"
    if error.errno == errno.EADDRINUSE:
        holder = container_at(mapping) or _holder(mapping)
        by = f" by {holder}" if holder else ""
        return LaunchError(
            f"{where} is taken{by}", hint=f'publish another one: "{mapping.container_port}" alone takes any'
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return LaunchError(f"{at} is no address of this machine", hint="ip address lists them; 0.0.0.0 is all of them")
    if error.errno == errno.EACCES and mapping.host_port < _PRIVILEGED:
        return LaunchError(
            f"{where} can't be published: ports below 1024 are root's",
            hint="take a higher one, or sysctl net.ipv4.ip_unprivileged_port_start",
        )
    return LaunchError(f"{where} can't be published: {error.strerror}")


def _sockets(mapping: PortMapping) -> Iterator[tuple[int, str]]:
    """State and inode of each socket at a port, whatever its address. Source: proc(5)."""
    for version in ("", "6"):
        try:
            text = Path(f"/proc/thread-self/net/{mapping.protocol.value}{version}").read_text()
        except OSError:
            continue
        for line in text.splitlines()[1:]:
            words = line.split()
            if int(words[1].rpartition(":")[2], 16) == mapping.host_port:
                yield int(words[3], 16), words[9]


def _only_remembered(mapping: PortMapping) -> bool:
    """Whether all that stands against it are connections that end or have ended, which the kernel remembers for a minute."""
    states = [state for state, _ in _sockets(mapping)]
    return mapping.protocol is Protocol.TCP and bool(states) and _LISTEN not in states


def _holder(mapping: PortMapping) -> str:
    """Who listens at the port, as far as we may know."""
    wanted = {
        f"socket:[{inode}]"
        for state, inode in _sockets(mapping)
        if state == _LISTEN or mapping.protocol is Protocol.UDP
    }
    if not wanted:
        return ""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if any(file.readlink().name in wanted for file in (process / "fd").iterdir()):
                    return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""
