"""Which subnet a new network gets, and which address a container. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from whit.packer.support.errors import StoreError, UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.networks.model import Place, mac_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from whit.runtime.engine.networks.model import Joining, Network

POOLS = (IPv4Network("172.30.0.0/16"), IPv4Network("10.230.0.0/16"), IPv4Network("192.168.224.0/19"))
"""Where networks are made that name no subnet: the first is used until the host has routes into it."""

SIZE = 24


def free_subnet(taken: Collection[IPv4Network | IPv6Network]) -> IPv4Network:
    """The first subnet that overlaps nothing that the host or another network uses. Raises :class:`WhitError`."""
    used = [network for network in taken if isinstance(network, IPv4Network)]
    for pool in POOLS:
        near = [network for network in used if network.overlaps(pool)]
        for subnet in pool.subnets(new_prefix=SIZE):
            if not any(network.overlaps(subnet) for network in near):
                return subnet
    raise WhitError(
        "no subnet is free for a network: the host has routes to all that whit would take",
        hint="name one: whit network create --subnet 10.99.0.0/24 NAME",
    )


def subnet6_of(network_id: str) -> IPv6Network:
    """A network of unique local addresses (RFC 4193), made of the network's random ID."""
    return IPv6Network((int(f"fd{network_id[:14]}", 16) << 64, 64))


def first_host(subnet: IPv4Network | IPv6Network) -> str:
    """The address that the bridge takes where nobody says which."""
    return str(subnet.network_address + 1)


def addresses(network: Network) -> Iterator[str]:
    """All that a container can get, in the order in which they are tried."""
    for address in (network.ip_range or network.subnet).hosts():
        if str(address) != network.gateway and address in network.subnet:
            yield str(address)


def check_address(network: Network, address: str) -> str:
    """An address that a person wants, in its usual form. Raises :class:`UsageError`."""
    try:
        wanted = IPv4Address(address)
    except ValueError:
        raise UsageError(f"'{address}' is not an IPv4 address") from None
    if wanted not in network.subnet or wanted in {network.subnet.network_address, network.subnet.broadcast_address}:
        raise _elsewhere(network, wanted, network.subnet)
    if str(wanted) == network.gateway:
        raise _gateway(network, wanted)
    return str(wanted)


def check_address6(network: Network, address: str) -> str:
    """An IPv6 address that a person wants, in its usual form. Raises :class:`UsageError`."""
    if network.subnet6 is None:
        raise UsageError(
            f"the network {network.name} has no IPv6", hint="whit network create --ipv6 NAME makes one that has"
        )
    wanted = IPv6Address(address)
    if wanted not in network.subnet6 or wanted == network.subnet6.network_address:
        raise _elsewhere(network, wanted, network.subnet6)
    if str(wanted) == network.gateway6:
        raise _gateway(network, wanted)
    return str(wanted)


def _elsewhere(network: Network, wanted: object, subnet: object) -> UsageError:
    return UsageError(
        f"{wanted} is not an address of the network {network.name}, {subnet}",
        hint="choose one in that, neither its first nor its last",
    )


def _gateway(network: Network, wanted: object) -> UsageError:
    return UsageError(f"{wanted} is the gateway of the network {network.name}", hint="choose another one")


def check_wish(network: Network, wish: Joining) -> None:
    """Whether the network has such addresses at all. Raises :class:`UsageError`."""
    if wish.address:
        check_address(network, wish.address)
    if wish.address6:
        check_address6(network, wish.address6)


def place(network: Network, wish: Joining, taken: Mapping[str, str]) -> Place:
    """What a container gets: the addresses that are wanted, and what is free beside them.

    ``taken`` are the network's addresses of IPv4, IPv6 and MAC, each with who has it. Raises :class:`WhitError`.
    """
    check_wish(network, wish)
    taken = {network.gateway6: "the gateway", network.mac: "the bridge"} | dict(taken)
    for given in (wish.address, wish.address6, wish.mac):
        if given in taken:
            raise WhitError(
                f"{given} is taken in the network {network.name}, by {taken[given]}",
                hint="choose another one",
            )
    for address in [wish.address] if wish.address else addresses(network):
        found = Place(address, wish.address6 or address6(network, address), wish.mac or mac_of(address))
        lost = [own for own in (found.address, found.address6, found.mac) if own in taken]
        if not lost:
            return found
        if wish.address:
            raise WhitError(
                f"{lost[0]} goes with {address}, and is taken in the network {network.name}, by {taken[lost[0]]}",
                hint="choose another one for this container: --ip6, --mac-address",
            )
    raise StoreError(
        f"the network {network.name} has no free address",
        hint="make a larger one: whit network create --subnet 10.99.0.0/16 NAME",
    )


def address6(network: Network, address: str) -> str | None:
    """The IPv6 address that goes with an IPv4 address: it stands as far from its subnet's beginning."""
    if network.subnet6 is None:
        return None
    offset = int(IPv4Address(address)) - int(network.subnet.network_address)
    return str(IPv6Address(int(network.subnet6.network_address) + offset))


def overlapping(
    subnet: IPv4Network | IPv6Network, taken: Iterable[IPv4Network | IPv6Network]
) -> IPv4Network | IPv6Network | None:
    """What a subnet would collide with."""
    for network in taken:
        if isinstance(network, IPv4Network) and isinstance(subnet, IPv4Network) and network.overlaps(subnet):
            return network
        if isinstance(network, IPv6Network) and isinstance(subnet, IPv6Network) and network.overlaps(subnet):
            return network
    return None
