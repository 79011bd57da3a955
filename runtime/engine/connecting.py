"""Connects a container that starts to its networks, and takes it out of them: root's by bridges, a user's by a program that speaks for it."""

from __future__ import annotations

import contextlib
import os

from whit.packer.showing.console import warn
from whit.packer.support.errors import NotFoundError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.engine.folder import Containers
from whit.runtime.engine.networks.members import member_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from whit.runtime.engine.model import Container
    from whit.runtime.engine.networks.model import PortMapping
    from whit.runtime.engine.starting import Served


@dataclass(frozen=True, slots=True)
class Ends:
    """What a container's network needs of the host: bound sockets with their ports, and for a user's a pipe that ends the way out.

    Of the pipe's ends the program that speaks for the container watches the first, and the supervisor holds the second.
    """

    sockets: tuple[socket.socket, ...]
    ports: tuple[PortMapping, ...]
    pipe: tuple[int, int] | None = None

    @property
    def held(self) -> tuple[int, ...]:
        """What the supervisor keeps open as long as it is there."""
        return (*(item.fileno() for item in self.sockets), *(self.pipe or ())[1:])

    def close(self) -> None:
        """The supervisor has its own."""
        for item in self.sockets:
            item.close()
        for descriptor in self.pipe or ():
            os.close(descriptor)


@contextlib.contextmanager
def ends(root: Path, container: Container) -> Iterator[Ends]:
    """Ports that are taken for the container. Raises :class:`LaunchError` for one that can't be."""
    sockets, ports = _reserved(root, container)
    pipe = os.pipe2(os.O_CLOEXEC) if container.users and container.has_own_network else None
    made = Ends(sockets, ports, pipe)
    try:
        yield made
    finally:
        made.close()


def _reserved(root: Path, container: Container) -> tuple[tuple[socket.socket, ...], tuple[PortMapping, ...]]:
    if not (container.ports and container.has_own_network):
        return (), ()
    from whit.runtime.engine.networks.reserve import reserve  # noqa: PLC0415 - for ports alone

    def container_at(port: PortMapping) -> str:
        from whit.runtime.engine.networks.managing import container_at  # noqa: PLC0415 - for the words of an error

        return container_at(root, port)

    return reserve(container.ports, container_at)


def attach(root: Path, container: Container, made: Ends, pid: int) -> Served:
    """Connect the network of ``pid``; which of the sockets the supervisor is to serve itself, as no rule of the kernel's does."""
    if not container.has_own_network:
        return ()
    # As it is now: it may have got another name, or other networks, since its start began.
    container = Containers(root).find(container.id).container
    member = replace(member_of(container), ports=made.ports)
    if made.pipe:
        from whit.runtime.engine.networks import rootless  # noqa: PLC0415 - a user's alone

        rootless.rootless_attach(root, member, pid, made.pipe[0])
        proxied = made.ports
    else:
        from whit.runtime.engine.networks import attaching  # noqa: PLC0415 - root's alone

        try:
            attached = attaching.attach(root, member, container.networks, pid)
        except NotFoundError as error:
            hint = f"make it again, or leave it: whit network disconnect NETWORK {container.name}"
            raise NotFoundError(f"container {container.name}: {error.message}", hint=hint) from None
        proxied = attached.proxied
        for warning, hint in attached.warnings:
            warn(warning, hint)
    return tuple(
        (item.fileno(), port.container_port)
        for item, port in zip(made.sockets, made.ports, strict=True)
        if port in proxied
    )


def detach(root: Path, container: Container) -> None:
    """Take the container out of its networks; nothing happens if it is in none."""
    if not container.has_own_network:
        return
    if container.users:
        from whit.runtime.engine.networks import rootless  # noqa: PLC0415 - as above

        rootless.rootless_detach(root, container.id)
    else:
        from whit.runtime.engine.networks import attaching  # noqa: PLC0415

        attaching.detach(root, container.id)
