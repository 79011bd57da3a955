"""A network's bridge and its rules: made when somebody comes, removed when nobody is in it. All under the networks' lock."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from whit.packer.support.errors import WhitError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.engine.networks import folder, links, nft, orphans, pool, rules
from whit.runtime.engine.networks.members import is_passing, read_member
from whit.runtime.engine.networks.model import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.engine.networks.model import Network
    from whit.runtime.engine.networks.netlink import Netlink

_END_DIGITS = 13
"""As many as an interface's name has room for."""

_FORWARD = {4: Path("/proc/sys/net/ipv4/ip_forward"), 6: Path("/proc/sys/net/ipv6/conf/all/forwarding")}


def host_end(container: str, network_id: str) -> str:
    """The name of the veth's end in the bridge: the same each time, so that it can be removed by whoever comes next."""
    mixed = int(container[:_END_DIGITS], 16) ^ end_number(network_id)
    return f"wv{mixed:0{_END_DIGITS}x}"


def end_number(network_id: str) -> int:
    """What of a network's ID is mixed into the names of such ends."""
    return int(network_id[:_END_DIGITS], 16)


def recorded(root: Path, netlink: Netlink, name: str) -> Network:
    """A network as it is on disk; the default one is made there."""
    if name == DEFAULT and DEFAULT not in folder.names(root):
        folder.make_default(root, links.routed(netlink))
    return folder.load(root, name)


def ready(root: Path, netlink: Netlink, name: str) -> tuple[Network, links.Link, bool]:
    """A network whose bridge is there, and whether it had to be made."""
    network = recorded(root, netlink, name)
    bridge = links.find_link(netlink, network.device)
    is_own = bridge is not None and bridge.mac == network.mac
    # Rules come last: without them and without anybody in it, it isn't whole.
    if bridge and is_own and (folder.is_leased(root, name) or nft.has_table(network.device)):
        return network, bridge, False
    with host_lock():
        if is_own:
            links.remove_link(netlink, network.device)
        orphans.remove_orphans(netlink)
        forget_dead(root, netlink, network, "")
        network = _placed(root, netlink, network)
        for family in (4, *([6] if network.subnet6 else [])):
            if not network.internal and _FORWARD[family].read_text().strip() == "0":
                links.write_setting(_FORWARD[family], "1")
        try:
            links.make_bridge(netlink, network, orphans.mark(root, network))
            write_rules(root, network)
        except BaseException:
            _remove_own(netlink, network)
            raise
    bridge = links.find_link(netlink, network.device)
    if bridge is None:
        raise WhitError(f"the bridge {network.device} was removed by somebody as soon as it was made")
    return network, bridge, True


def _remove_own(netlink: Netlink, network: Network) -> None:
    bridge = links.find_link(netlink, network.device)
    if bridge and bridge.mac == network.mac:
        links.remove_link(netlink, network.device)


def forget_dead(root: Path, netlink: Netlink, network: Network, joining: str) -> None:
    """Who has no end of a veth pair any more and isn't just ``joining`` has gone with its namespace, without a word.

    One that has an end in another network has lost this one only.
    """
    for container in set(folder.leases(root, network.name).values()) - {joining}:
        if has_end(netlink, container, network):
            continue
        folder.release(root, network.name, container)
        member = read_member(root, container)
        left = member.without(network.name) if member else None
        names = {place.network for place in left.endpoints} if left else set[str]()
        if left and any(has_end(netlink, container, other) for other in folder.every(root) if other.name in names):
            folder.write_member(root, left)
        else:
            folder.forget_member(root, container)


def has_end(netlink: Netlink, container: str, network: Network) -> bool:
    """Whether the container's end of a veth pair is in the network's bridge: the kernel takes it with the container's namespace."""
    return links.find_link(netlink, host_end(container, network.id)) is not None


def _placed(root: Path, netlink: Netlink, network: Network) -> Network:
    """A network for whose bridge there is room: another store may have the name, the host a route into the subnet."""
    first = folder.FIRST_DEVICE if network.name == DEFAULT else folder.own_device(network.id)
    taken = links.find_link(netlink, first) is not None
    placed = replace(network, device=folder.own_device(network.id) if taken else first)
    if network.automatic and not folder.is_leased(root, network.name):
        routes = links.routed(netlink)
        if pool.overlapping(network.subnet, routes):
            others = [other.subnet for other in folder.every(root) if other.name != network.name]
            subnet = pool.free_subnet([*routes, *others])
            placed = replace(placed, subnet=subnet, gateway=pool.first_host(subnet))
    if placed != network:
        folder.save(root, placed)
    return placed


def warnings(network: Network) -> Iterator[tuple[str, str]]:
    """What of others stands in the network's way, and what helps."""
    for chain, cure in nft.dropping(network.device, six=network.subnet6 is not None):
        yield f"the chain {chain}, which isn't whit's, drops what the network {network.name} forwards", cure


def forget_passing(root: Path, netlink: Netlink, network: Network) -> bool:
    """Forget programs in the foreground whose supervisor was killed; whether there were any."""
    leases = folder.leases(root, network.name).items()
    gone = {who for address, who in leases if is_passing(address, who) and not has_end(netlink, who, network)}
    for container in gone:
        folder.release(root, network.name, container)
    return bool(gone)


def is_unused(root: Path, netlink: Netlink, network: Network) -> bool:
    """Whether nobody is in it."""
    forget_passing(root, netlink, network)
    return not folder.is_leased(root, network.name)


def remove_unused(root: Path, netlink: Netlink) -> None:
    """Bridges and tables of networks that nobody is in."""
    for network in folder.every(root):
        if is_unused(root, netlink, network):
            remove_bridge(netlink, network)


def remove_bridge(netlink: Netlink, network: Network) -> None:
    """The network's own, and its table before it: another store may have given its bridge the same name meanwhile.

    A table without a bridge is nobody's.
    """
    with host_lock():
        bridge = links.find_link(netlink, network.device)
        if bridge is None or bridge.mac == network.mac:
            orphans.remove(netlink, network.device)


def write_rules(root: Path, network: Network) -> None:
    """Make the network's table, or make it anew."""
    members = [member for member, _ in folder.members(root, network.name)]
    nft.apply(rules.table(network, members, replacing=nft.has_table(network.device)))


@contextlib.contextmanager
def namespace_of(process: int | str) -> Iterator[int]:
    """A process's network namespace, open. Raises :class:`WhitError`."""
    try:
        descriptor = os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise WhitError("the container has ended before its networks were there") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def host_lock() -> Iterator[None]:
    """Bridges are made one after the other on this host, whatever the store: on its network namespace itself."""
    with namespace_of("thread-self") as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
