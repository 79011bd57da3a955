"""Networks that people make and remove; those of whit's own are always there."""

from __future__ import annotations

import os
from ipaddress import IPv4Network

from whit.packer.support import durable
from whit.packer.support.durable import sweep_temporaries
from whit.packer.support.errors import NotFoundError, UnsupportedError, WhitError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.engine.happened import network_event, pruned
from whit.runtime.engine.networks import folder, links
from whit.runtime.engine.networks.joining import check_once
from whit.runtime.engine.networks.leaving import remove_idle
from whit.runtime.engine.networks.making import Wishes, new_network
from whit.runtime.engine.networks.members import is_passing
from whit.runtime.engine.networks.model import DEFAULT, PREDEFINED, Endpoint, Member, Network, mac_of
from whit.runtime.engine.networks.netlink import Netlink
from whit.runtime.engine.networks.pool import check_wish
from whit.runtime.engine.networks.rules import ANYWHERE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from whit.runtime.engine.networks.model import Joining, PortMapping


def create(root: Path, wishes: Wishes) -> Network:
    """Make a network; its bridge comes with its first container. Raises :class:`WhitError`."""
    if os.geteuid() != 0:
        raise UnsupportedError(
            "only root can make networks: they are bridges of the host's",
            hint="containers of other users have a way out of their own (docs/networks.md)",
        )
    with Netlink() as netlink:
        routes = links.routed(netlink)
    with folder.networks_lock(root):
        identity = folder.new_id()
        wanted = (identity, folder.own_device(identity), folder.now())
        network = new_network(wishes, folder.every(root), routes, wanted)
        with durable.store_errors(f"write the network {network.name}"):
            folder.save(root, network)
    network_event(root, network, "create")
    return network


def remove(root: Path, wanted: str) -> None:
    """Remove a network that nobody uses. Raises :class:`WhitError` naming who does."""
    with folder.networks_lock(root):
        network = find(root, wanted)
        folder.remove(root, network)
    network_event(root, network, "destroy")


def prune(root: Path, chosen: Callable[[Network], bool]) -> list[str]:
    """Remove all that people made and nobody uses, as far as they are ``chosen``; the names of what has gone.

    Bridges that nobody is in go with them.
    """
    gone = []
    if os.geteuid() == 0:
        remove_idle(root)
    with folder.networks_lock(root):
        sweep_temporaries(root / "networks")
        for network in folder.every(root):
            if network.name not in PREDEFINED and not folder.is_leased(root, network.name) and chosen(network):
                folder.remove(root, network)
                network_event(root, network, "destroy")
                gone.append(network.name)
    pruned(root, "network", 0)
    return gone


def every(root: Path) -> list[Network]:
    """All networks, by name."""
    made = {network.name: network for network in folder.every(root)}
    for name in PREDEFINED:
        made.setdefault(name, _predefined(root, name))
    return [made[name] for name in sorted(made)]


def find(root: Path, wanted: str) -> Network:
    """One of them, by name, ID or a beginning of it. Raises :class:`WhitError`."""
    networks = every(root)
    named = [network for network in networks if network.name == wanted]
    found = named or [network for network in networks if wanted and network.id.startswith(wanted)]
    if len(found) > 1:
        raise WhitError(f"several networks' IDs begin with {wanted}", hint="give more of it, or the name")
    if not found:
        raise NotFoundError(f"there is no network {wanted}", hint="whit network ls lists them")
    return found[0]


def known(root: Path, wishes: Iterable[Joining]) -> tuple[Joining, ...]:
    """Networks that a container is to be in, by their names, once it is clear that they are there and have such addresses."""
    found = []
    for wish in wishes:
        network = find(root, wish.network)
        if network.device:
            check_wish(network, wish)
        found.append(replace(wish, network=network.name))
    check_once(found)
    return tuple(found)


def members(root: Path, network: Network) -> list[tuple[Member, Endpoint]]:
    """The containers in it, each with its place; programs in the foreground have no name."""
    passing = [
        (Member(who, "", ()), Endpoint(network.name, address, None, mac_of(address), "eth0", network.gateway))
        for address, who in folder.leases(root, network.name).items()
        if is_passing(address, who)
    ]
    return [*folder.members(root, network.name), *passing]


def is_used(root: Path, network: Network) -> bool:
    """Whether any container is in it."""
    return folder.is_leased(root, network.name)


def container_at(root: Path, port: PortMapping) -> str:
    """Which container has a port of the host's, in words; empty if none of this store."""
    for network in folder.every(root):
        for member, _ in folder.members(root, network.name):
            for published in member.ports:
                if (published.host_port, published.protocol) == (port.host_port, port.protocol) and _meet(
                    published, port
                ):
                    return f"container {folder.called(member)}"
    return ""


def _meet(one: PortMapping, other: PortMapping) -> bool:
    """Whether two addresses have one in common."""
    return one.is_v6 == other.is_v6 and (
        one.host_address == other.host_address or bool({one.host_address, other.host_address} & set(ANYWHERE))
    )


def _predefined(root: Path, name: str) -> Network:
    """One of whit's own; of the default one there is no more than this before its first container."""
    nowhere = IPv4Network("0.0.0.0/32")
    return Network(name, folder.predefined_id(root, name), "", nowhere, "", automatic=name == DEFAULT)
