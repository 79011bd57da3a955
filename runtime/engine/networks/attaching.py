"""Puts a container into its networks and takes it out again.

What is on disk is changed first, and the kernel's state follows from it: whatever is killed at whatever instant,
taking the container out again, or another that comes, leaves it as it ought to be.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from whit.packer.support.errors import NotFoundError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.engine.happened import network_event
from whit.runtime.engine.networks import flows, folder, links, nft, pool, rules
from whit.runtime.engine.networks.hosts import check_host_name
from whit.runtime.engine.networks.members import read_member
from whit.runtime.engine.networks.model import DEFAULT, Endpoint, Joining, Member, Network
from whit.runtime.engine.networks.neighbours import Neighbours
from whit.runtime.engine.networks.netlink import Netlink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from whit.runtime.engine.networks.model import PortMapping

_END_DIGITS = 13
"""As many as an interface's name has room for."""

_OWN = "/proc/thread-self/ns/net"
_FORWARD = {4: Path("/proc/sys/net/ipv4/ip_forward"), 6: Path("/proc/sys/net/ipv6/conf/all/forwarding")}


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
    with folder.networks_lock(root), _namespace(pid) as namespace, Netlink() as netlink:
        _detach(root, netlink, member.id)
        try:
            return _join(root, netlink, replace(member, endpoints=()), joining, namespace)
        except BaseException:
            _detach(root, netlink, member.id)
            _remove_unused(root, netlink)
            raise


def connect(root: Path, container: str, joining: Joining, pid: int) -> Attached | None:
    """Put a running container into one network more; None where it has ended. Raises :class:`WhitError`.

    What somebody who was killed has left of the same is done anew. ``pid`` is the container's supervisor's, which leaves
    the container's network as the last thing it does.
    """
    with folder.networks_lock(root), _namespace(pid) as namespace, Netlink() as netlink:
        member = read_member(root, container)
        if member is None or _is_own(namespace):
            return None
        member = _without(member, joining.network)
        folder.write_member(root, member)
        _clear(root, netlink, container, joining.network)
        try:
            return _join(root, netlink, member, (joining,), namespace)
        except BaseException:
            _leave(root, netlink, container, [joining.network])
            _remove_unused(root, netlink)
            folder.write_member(root, member)
            raise


def disconnect(root: Path, container: str, network: str, pid: int | None) -> bool:
    """Take a container out of one network; whether it was in it. Raises :class:`WhitError`."""
    with folder.networks_lock(root), Netlink() as netlink:
        member = read_member(root, container)
        if member is None:
            return False
        was_in, member = member.at(network) is not None, _without(member, network)
        folder.write_member(root, member)
        was_in |= _clear(root, netlink, container, network)
        # Also where it isn't in it any more: who took it out may have been killed before the rest.
        after = member.outward
        if after:
            outward = folder.load(root, after.network)
            if pid is not None:
                with _namespace(pid) as namespace:
                    if not _is_own(namespace):
                        links.route_by(namespace, outward, after)
            _write_rules(root, outward)
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
            for container in set(folder.leases(root, name).values()):
                if not alive(container):
                    _detach(root, netlink, container)
        _remove_unused(root, netlink)


def host_end(container: str, network_id: str) -> str:
    """The name of the veth's end in the bridge: the same each time, so that it can be removed by whoever comes next."""
    mixed = int(container[:_END_DIGITS], 16) ^ int(network_id[:_END_DIGITS], 16)
    return f"wv{mixed:0{_END_DIGITS}x}"


def _join(root: Path, netlink: Netlink, member: Member, joining: Iterable[Joining], namespace: int) -> Attached:
    joined: list[tuple[Network, links.Link, Endpoint]] = []
    warnings: list[tuple[str, str]] = []
    neighbours = Neighbours(root)
    for wish in joining:
        aliases = tuple(map(check_host_name, wish.aliases))
        network, bridge, new = _ready(root, netlink, wish.network)
        if new and not network.internal:
            warnings += _warnings(network)
        place = folder.lease(root, network, member.id, wish, neighbours.of(network.name))
        endpoint = Endpoint(
            network.name, place.address, place.address6, place.mac,
            _free_interface(member), "" if network.internal else network.gateway, aliases,
        )  # fmt: skip
        joined.append((network, bridge, endpoint))
        member = replace(member, endpoints=(*member.endpoints, endpoint))
    folder.write_member(root, member)
    neighbours.joined(member)
    for network, bridge, endpoint in joined:
        if not _publish(network, member):
            _forget_dead(root, netlink, network, member.id)
            neighbours = Neighbours(root)
            _write_rules(root, network)
        end = host_end(member.id, network.id)
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


def _without(member: Member, network: str) -> Member:
    return replace(member, endpoints=tuple(place for place in member.endpoints if place.network != network))


def _free_interface(member: Member) -> str:
    taken = {endpoint.interface for endpoint in member.endpoints}
    return next(name for number in range(len(taken) + 1) if (name := f"eth{number}") not in taken)


def _ready(root: Path, netlink: Netlink, name: str) -> tuple[Network, links.Link, bool]:
    """A network whose bridge is there, and whether it had to be made."""
    if name == DEFAULT and DEFAULT not in folder.names(root):
        folder.make_default(root, links.routed(netlink))
    network = folder.load(root, name)
    bridge = links.find_link(netlink, network.device)
    if bridge and bridge.mac == network.mac:
        return network, bridge, False
    with _host_lock():
        _forget_dead(root, netlink, network, "")
        network = _placed(root, netlink, network)
        for family in (4, *([6] if network.subnet6 else [])):
            if not network.internal and _FORWARD[family].read_text().strip() == "0":
                _FORWARD[family].write_text("1")
        links.make_bridge(netlink, network)
        _write_rules(root, network)
    bridge = links.find_link(netlink, network.device)
    if bridge is None:
        raise WhitError(f"the bridge {network.device} was removed by somebody as soon as it was made")
    return network, bridge, True


def _forget_dead(root: Path, netlink: Netlink, network: Network, joining: str) -> None:
    """Who has no end of a veth pair any more and isn't just ``joining`` has gone with its namespace, without a word.

    One that has an end in another network has lost this one only.
    """
    for container in set(folder.leases(root, network.name).values()) - {joining}:
        if _has_end(netlink, container, network):
            continue
        folder.release(root, network.name, container)
        member = read_member(root, container)
        left = _without(member, network.name) if member else None
        names = {place.network for place in left.endpoints} if left else set[str]()
        if left and any(_has_end(netlink, container, other) for other in folder.every(root) if other.name in names):
            folder.write_member(root, left)
        else:
            folder.forget_member(root, container)


def _has_end(netlink: Netlink, container: str, network: Network) -> bool:
    return links.find_link(netlink, host_end(container, network.id)) is not None


def _placed(root: Path, netlink: Netlink, network: Network) -> Network:
    """A network for whose bridge there is room: another store may have the name, the host a route into the subnet."""
    first = folder.FIRST_DEVICE if network.name == DEFAULT else folder.own_device(network.id)
    taken = links.find_link(netlink, first) is not None
    placed = replace(network, device=folder.own_device(network.id) if taken else first)
    if network.automatic and not folder.leases(root, network.name):
        routes = links.routed(netlink)
        if pool.overlapping(network.subnet, routes):
            others = [other.subnet for other in folder.every(root) if other.name != network.name]
            subnet = pool.free_subnet([*routes, *others])
            placed = replace(placed, subnet=subnet, gateway=pool.first_host(subnet))
    if placed != network:
        folder.save(root, placed)
    return placed


def _warnings(network: Network) -> Iterator[tuple[str, str]]:
    for chain, cure in nft.dropping(network.device, six=network.subnet6 is not None):
        yield f"the chain {chain}, which isn't whit's, drops what the network {network.name} forwards", cure


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
        links.remove_link(netlink, host_end(container, network.id))
    if not folder.leases(root, network.name):
        _remove_bridge(netlink, network)
    elif not unpublished:
        _write_rules(root, network)
        neighbours = Neighbours(root)
        neighbours.write_hosts(neighbours.of(network.name))


def _clear(root: Path, netlink: Netlink, container: str, name: str) -> bool:
    """Out of one network, also where whoever was to join or leave it was killed; whether anything of the container was there."""
    with contextlib.suppress(NotFoundError):
        network = folder.load(root, name)
        is_linked = _has_end(netlink, container, network)
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
            _write_rules(root, network)


def _restore(root: Path, member: Member) -> None:
    """Give back what was taken from somebody who had such a port already: nobody held its socket for the container."""
    network = _outward(root, member)
    if network and rules.claims(network, [member]) & rules.claims(network, Neighbours(root).of(network.name)):
        _write_rules(root, network)


def _remove_links(root: Path, netlink: Netlink, member: Member) -> None:
    """The container's ends of its networks' bridges."""
    for endpoint in member.endpoints:
        with contextlib.suppress(NotFoundError):
            links.remove_link(netlink, host_end(member.id, folder.load(root, endpoint.network).id))
    flows.forget(netlink, member.ports)


def _remove_unused(root: Path, netlink: Netlink) -> None:
    """Bridges and tables of networks that nobody is in."""
    for network in folder.every(root):
        if not folder.leases(root, network.name):
            _remove_bridge(netlink, network)


def _remove_bridge(netlink: Netlink, network: Network) -> None:
    """The network's own, and its table before it: another store may have given its bridge the same name meanwhile.

    A table without a bridge is nobody's.
    """
    with _host_lock():
        bridge = links.find_link(netlink, network.device)
        if bridge is None or bridge.mac == network.mac:
            nft.remove_table(network.device)
            links.remove_link(netlink, network.device)


def _publish(network: Network, member: Member) -> bool:
    """Whether the network's table is there, now with the container's ports."""
    ports = rules.publish(network, member)
    return nft.try_to_apply(ports) if ports else nft.has_table(network.device)


def _write_rules(root: Path, network: Network) -> None:
    """Make the network's table, or make it anew."""
    members = [member for member, _ in folder.members(root, network.name)]
    nft.apply(rules.table(network, members, replacing=nft.has_table(network.device)))


@contextlib.contextmanager
def _namespace(process: int | str) -> Iterator[int]:
    try:
        descriptor = os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise WhitError("the container has ended before its networks were there") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_own(namespace: int) -> bool:
    """Whether it is the host's: a supervisor goes back there when its container has ended."""
    return os.path.samestat(os.fstat(namespace), os.stat(_OWN))  # noqa: PTH116 - a fixed path


@contextlib.contextmanager
def _host_lock() -> Iterator[None]:
    """Bridges are made one after the other on this host, whatever the store: on its network namespace itself."""
    with _namespace("thread-self") as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
