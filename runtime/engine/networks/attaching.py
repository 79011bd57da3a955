"""Puts a container into its networks and takes it out again.

What is on disk is changed first, and the kernel's state follows from it: whatever is killed at whatever instant,
taking the container out again, or another that comes, leaves it as it ought to be.
"""

from __future__ import annotations

import contextlib
import os
from itertools import count

from whit.packer.support.errors import NotFoundError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.engine.happened import network_event
from whit.runtime.engine.networks import bridging, flows, folder, links, nft, rules
from whit.runtime.engine.networks.hosts import check_host_name
from whit.runtime.engine.networks.members import is_building, is_passing, read_member
from whit.runtime.engine.networks.model import Endpoint, Joining, Member, Network, Place
from whit.runtime.engine.networks.neighbours import Neighbours
from whit.runtime.engine.networks.netlink import Netlink

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable
    from pathlib import Path

    from whit.runtime.engine.networks.model import PortMapping

_OWN = "/proc/thread-self/ns/net"


@dataclass(frozen=True, slots=True)
class Attached:
    """A container in its networks, and what a person should know: message and hint.

    ``proxied`` are the ports that somebody has to serve, since no rule of the kernel's can.
    """

    endpoints: tuple[Endpoint, ...]
    warnings: tuple[tuple[str, str], ...] = ()
    proxied: tuple[PortMapping, ...] = ()


def attach(root: Path, member: Member, joining: tuple[Joining, ...], pid: int) -> Attached:
    """Put a container, whose network namespace is that of ``pid``, into its networks.

    ``member.endpoints`` are made here. If it fails nothing of it is left. Raises :class:`WhitError`.
    """
    if not (root / "containers" / member.id).is_dir():
        raise NotFoundError(f"there is no container {member.id}")
    with folder.networks_lock(root), bridging.namespace_of(pid) as namespace, Netlink() as netlink:
        _detach(root, netlink, member.id)
        try:
            return _join(root, netlink, replace(member, endpoints=()), joining, namespace)
        except BaseException:
            _detach(root, netlink, member.id)
            bridging.remove_unused(root, netlink)
            raise


def connect(root: Path, container: str, joining: Joining, pid: int) -> Attached | None:
    """Put a running container into one network more; None where it has ended. Raises :class:`WhitError`.

    What somebody who was killed has left of the same is done anew. ``pid`` is the container's supervisor's, which leaves
    the container's network as the last thing it does.
    """
    with folder.networks_lock(root), bridging.namespace_of(pid) as namespace, Netlink() as netlink:
        member = read_member(root, container)
        if member is None or _is_own(namespace):
            return None
        member = member.without(joining.network)
        folder.write_member(root, member)
        _clear(root, netlink, container, joining.network)
        try:
            return _join(root, netlink, member, (joining,), namespace)
        except BaseException:
            _leave(root, netlink, container, [joining.network])
            bridging.remove_unused(root, netlink)
            folder.write_member(root, member)
            raise


def disconnect(root: Path, container: str, network: str, pid: int | None) -> bool:
    """Take a container out of one network; whether it was in it. Raises :class:`WhitError`."""
    with folder.networks_lock(root), Netlink() as netlink:
        member = read_member(root, container)
        if member is None:
            return False
        was_in, member = member.at(network) is not None, member.without(network)
        folder.write_member(root, member)
        was_in |= _clear(root, netlink, container, network)
        # Also where it isn't in it any more: who took it out may have been killed before the rest.
        after = member.outward
        if after:
            outward = folder.load(root, after.network)
            if pid is not None:
                with bridging.namespace_of(pid) as namespace:
                    if not _is_own(namespace):
                        links.route_by(namespace, outward, after)
            bridging.write_rules(root, outward)
        flows.forget(netlink, member.ports)
        Neighbours(root).write_hosts([member])
        return was_in


def rename(root: Path, container: str, name: str) -> None:
    """Have a container's neighbours know it by another name, if it is in networks now."""
    with folder.networks_lock(root):
        member = read_member(root, container)
        if member is not None:
            folder.write_member(root, replace(member, names=(name,)))
            neighbours = Neighbours(root)
            neighbours.write_hosts(neighbours.around(replace(member, names=(name,))))


def detach(root: Path, container: str) -> None:
    """Take a container out of all networks: nothing happens if it is in none.

    The kernel takes its time to remove something: others needn't wait for that, as long as the addresses stay taken.
    """
    with folder.networks_lock(root):
        member = read_member(root, container)
        if member is not None:
            folder.forget_member(root, container)
            neighbours = Neighbours(root)
            neighbours.write_hosts(peer for peer in neighbours.around(member) if peer.id != container)
            for endpoint in member.endpoints:
                neighbours.tell_passing(endpoint.network)
    with Netlink() as netlink:
        if member is not None:
            _unpublish(root, member)
            _remove_links(root, netlink, member)
        with folder.networks_lock(root):
            if member is not None:
                _restore(root, member)
            _leave(root, netlink, container, folder.names(root), unpublished=member is not None)


def sweep(root: Path, alive: Callable[[str], bool]) -> None:
    """Take out what is in networks and doesn't run any more, and remove bridges that nobody is in."""
    if not folder.names(root):
        return
    with folder.networks_lock(root), Netlink() as netlink:
        for name in folder.names(root):
            for address, container in folder.leases(root, name).items():
                # Of programs in the foreground remove_unused knows which are gone.
                if not (is_passing(address, container) or is_building(root, container) or alive(container)):
                    _detach(root, netlink, container)
        bridging.remove_unused(root, netlink)


def _join(root: Path, netlink: Netlink, member: Member, joining: Iterable[Joining], namespace: int) -> Attached:
    joined: list[tuple[Network, links.Link, Endpoint]] = []
    warnings: list[tuple[str, str]] = []
    neighbours = Neighbours(root)
    joining = tuple(joining)
    named = {wish.interface for wish in joining} - {None}
    for wish in joining:
        aliases = tuple(map(check_host_name, wish.aliases))
        network, bridge, new = bridging.ready(root, netlink, wish.network)
        if new and not network.internal:
            warnings += bridging.warnings(network)
        place = _leased(root, netlink, network, member.id, wish, neighbours)
        endpoint = Endpoint(
            network.name, place.address, place.address6, place.mac,
            _interface(member, wish, named), "" if network.internal else network.gateway, aliases,
        )  # fmt: skip
        joined.append((network, bridge, endpoint))
        member = replace(member, endpoints=(*member.endpoints, endpoint))
    folder.write_member(root, member)
    neighbours.joined(member)
    for network, bridge, endpoint in joined:
        if not _publish(network, member):
            bridging.forget_dead(root, netlink, network, member.id)
            neighbours = Neighbours(root)
            bridging.write_rules(root, network)
        end = bridging.host_end(member.id, network.id)
        links.join(netlink, bridge.index, network, end, endpoint, namespace)
        if member.ports:
            links.reflect(netlink, end)
        network_event(root, network, "connect", container=member.id)
    flows.forget(netlink, member.ports)
    neighbours.write_hosts(neighbours.around(member))
    if member.ports and not member.outward:
        where = "internal networks only" if member.endpoints else "no network"
        warnings.append((f"no port is published: the container is in {where}", "whit network connect bridge NAME"))
    return Attached(member.endpoints, tuple(warnings), rules.proxied(member))


def _leased(
    root: Path, netlink: Netlink, network: Network, container: str, wish: Joining, neighbours: Neighbours
) -> Place:
    """Its addresses; those of programs that were killed in the foreground are found where one is wanting."""
    try:
        return folder.lease(root, network, container, wish, neighbours.of(network.name))
    except WhitError:
        if not bridging.forget_passing(root, netlink, network):
            raise
        return folder.lease(root, network, container, wish, neighbours.of(network.name))


def _interface(member: Member, wish: Joining, named: Container[str | None]) -> str:
    """What is asked for, or the first one that is free and that nothing else of the same request is called."""
    taken = {endpoint.interface for endpoint in member.endpoints}
    if wish.interface in taken:
        raise WhitError(f"the container has an interface {wish.interface} already", hint="give it another name")
    return wish.interface or next(
        name for number in count() if (name := f"eth{number}") not in taken and name not in named
    )


def _detach(root: Path, netlink: Netlink, container: str) -> None:
    folder.forget_member(root, container)
    _leave(root, netlink, container, folder.names(root))


def _leave(root: Path, netlink: Netlink, container: str, names: Iterable[str], *, unpublished: bool = False) -> None:
    """Out of these networks, with all that is left of the container there; bridges and tables go with the last one."""
    for name in names:
        if folder.release(root, name, container):
            _left(root, netlink, container, folder.load(root, name), unpublished=unpublished)


def _left(root: Path, netlink: Netlink, container: str, network: Network, *, unpublished: bool = False) -> None:
    """A container's address is free: the kernel and its neighbours learn it."""
    network_event(root, network, "disconnect", container=container)
    if not unpublished:
        links.remove_link(netlink, bridging.host_end(container, network.id))
    if bridging.is_unused(root, netlink, network):
        bridging.remove_bridge(netlink, network)
    elif not unpublished:
        bridging.write_rules(root, network)
        neighbours = Neighbours(root)
        neighbours.write_hosts(neighbours.of(network.name))


def _clear(root: Path, netlink: Netlink, container: str, name: str) -> bool:
    """Out of one network, also where whoever was to join or leave it was killed; whether anything of the container was there."""
    with contextlib.suppress(NotFoundError):
        network = folder.load(root, name)
        is_linked = bridging.has_end(netlink, container, network)
        if folder.release(root, name, container) or is_linked:
            _left(root, netlink, container, network)
            return True
    return False


def _outward(root: Path, member: Member) -> Network | None:
    """The network in which a container's ports are published."""
    with contextlib.suppress(NotFoundError):
        if member.outward and member.ports:
            return folder.load(root, member.outward.network)
    return None


def _unpublish(root: Path, member: Member) -> None:
    """Take the container's ports out of the table."""
    network = _outward(root, member)
    ports = rules.unpublish(network, member) if network else ""
    if network and ports and not nft.try_to_apply(ports):
        with folder.networks_lock(root):
            bridging.write_rules(root, network)


def _restore(root: Path, member: Member) -> None:
    """Give back what was taken from somebody who had such a port already: nobody held its socket for the container."""
    network = _outward(root, member)
    if network and rules.claims(network, [member]) & rules.claims(network, Neighbours(root).of(network.name)):
        bridging.write_rules(root, network)


def _remove_links(root: Path, netlink: Netlink, member: Member) -> None:
    """The container's ends of its networks' bridges."""
    for endpoint in member.endpoints:
        with contextlib.suppress(NotFoundError):
            links.remove_link(netlink, bridging.host_end(member.id, folder.load(root, endpoint.network).id))
    flows.forget(netlink, member.ports)


def _publish(network: Network, member: Member) -> bool:
    """Whether the network's table is there, now with the container's ports."""
    ports = rules.publish(network, member)
    return nft.try_to_apply(ports) if ports else nft.has_table(network.device)


def _is_own(namespace: int) -> bool:
    """Whether it is the host's: a supervisor goes back there when its container has ended."""
    return os.path.samestat(os.fstat(namespace), os.stat(_OWN))  # noqa: PTH116 - a fixed path
