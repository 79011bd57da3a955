"""What a person asks of a new network, and the network that comes of it. Pure."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from whit.packer.support.errors import ExitCode, UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.engine.networks import pool
from whit.runtime.engine.networks.model import PREDEFINED, Network

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
_MTU = ("mtu", "com.docker.network.driver.mtu")
_MTU_RANGE = range(68, 65536)
_LEAST_HOSTS = 30
"""The longest prefix of a subnet that has room for the bridge and one container."""

DRIVER = "bridge"


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of ``whit network create``, as they were given."""

    name: str
    driver: str = DRIVER
    subnets: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    internal: bool = False
    ipv6: bool = False
    labels: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def check_name(name: str) -> str:
    """A name that a network can have. Raises :class:`UsageError`."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' can't be a network's name", hint="letters, digits, and _ . - after the first")
    if name in PREDEFINED:
        raise UsageError(f"{name} is a network of whit's own", hint="choose another name")
    return name


def new_network(
    wishes: Wishes,
    others: Collection[Network],
    routes: Collection[IPv4Network | IPv6Network],
    identity: tuple[str, str, str],
) -> Network:
    """The network; ``identity`` are its ID, its bridge's name and the time.

    ``routes`` are what the host can't spare. Raises :class:`UsageError`.
    """
    check_name(wishes.name)
    if wishes.driver != DRIVER:
        raise UsageError(
            f"there is no driver {wishes.driver}", hint="networks of whit's are bridges: leave --driver out"
        )
    if any(other.name == wishes.name for other in others):
        raise UsageError(
            f"there is a network {wishes.name} already", hint="choose another name", exit_code=ExitCode.FAILURE
        )
    four, six = _subnets(wishes.subnets)
    subnet = four or pool.free_subnet([*routes, *(other.subnet for other in others)])
    if wishes.ipv6 and six is None:
        six = pool.subnet6_of(identity[0])
    for given in (four, six):
        _check_free(given, others, routes)
    if six and 128 - six.prefixlen < 32 - subnet.prefixlen:
        raise UsageError(f"{six} has less room than {subnet}: each address of one goes with one of the other")
    gateway, gateway6 = _gateways(wishes.gateways, subnet, six)
    return Network(
        name=wishes.name,
        id=identity[0],
        device=identity[1],
        created=identity[2],
        automatic=four is None and not wishes.gateways and not wishes.ranges,
        subnet=subnet,
        gateway=gateway,
        ip_range=_range(wishes.ranges, subnet),
        subnet6=six,
        gateway6=gateway6,
        internal=wishes.internal,
        mtu=_mtu(wishes.options),
        labels=tuple(sorted(dict(map(_pair, wishes.labels)).items())),
        options=tuple(sorted(dict(map(_pair, wishes.options)).items())),
    )


def _subnets(given: Sequence[str]) -> tuple[IPv4Network | None, IPv6Network | None]:
    four: IPv4Network | None = None
    six: IPv6Network | None = None
    for text in given:
        subnet = parse_subnet(text)
        if isinstance(subnet, IPv4Network) and four is None:
            if subnet.prefixlen > _LEAST_HOSTS:
                raise UsageError(
                    f"--subnet {text} has no room for a bridge and a container", hint="/29 has room for five"
                )
            four = subnet
        elif isinstance(subnet, IPv6Network) and six is None:
            six = subnet
        else:
            raise UsageError(f"--subnet {text}: a network has one subnet of IPv4 and one of IPv6")
    return four, six


def parse_subnet(text: str, option: str = "--subnet") -> IPv4Network | IPv6Network:
    """A network of addresses that machines can have. Raises :class:`UsageError`."""
    try:
        network = ip_network(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}", hint="as in --subnet 10.99.0.0/24") from None
    if network.is_loopback or network.is_multicast or network.is_unspecified:
        raise UsageError(
            f"{option} {text}: no machine has such an address on a network", hint="as in --subnet 10.99.0.0/24"
        )
    return network


def _check_free(
    subnet: IPv4Network | IPv6Network | None,
    others: Iterable[Network],
    routes: Iterable[IPv4Network | IPv6Network],
) -> None:
    """Not another network's; and not what the host has a route of its own to, or less: it would lose that."""
    if subnet is None:
        return
    for other in others:
        if pool.overlapping(subnet, [other.subnet, *([other.subnet6] if other.subnet6 else [])]):
            raise UsageError(f"{subnet} overlaps the network {other.name}, {other.subnet}", hint="choose another one")
    lost = pool.overlapping(subnet, [route for route in routes if route.prefixlen >= subnet.prefixlen])
    if lost:
        raise UsageError(f"{subnet} would take from the host its route to {lost}", hint="ip route lists them")


def _gateways(given: Sequence[str], subnet: IPv4Network, six: IPv6Network | None) -> tuple[str, str]:
    gateway, gateway6 = pool.first_host(subnet), pool.first_host(six) if six else ""
    for text in given:
        try:
            address = IPv6Address(text) if ":" in text else IPv4Address(text)
        except ValueError as error:
            raise UsageError(f"--gateway {text}: {error}") from None
        if isinstance(address, IPv4Address) and address in subnet:
            gateway = str(address)
        elif isinstance(address, IPv6Address) and six and address in six:
            gateway6 = str(address)
        else:
            raise UsageError(f"--gateway {text} is not in the network's subnet", hint="give its --subnet too")
    return gateway, gateway6


def _range(given: Sequence[str], subnet: IPv4Network) -> IPv4Network | None:
    found: IPv4Network | None = None
    for text in given:
        within = parse_subnet(text, "--ip-range")
        if not isinstance(within, IPv4Network) or not within.subnet_of(subnet):
            raise UsageError(f"--ip-range {text} is not a part of {subnet}")
        found = within
    return found


def _mtu(options: Sequence[str]) -> int:
    mtu = 0
    for name, value in map(_pair, options):
        if name not in _MTU:
            raise UsageError(f"--opt {name}: there is no such option", hint="there is mtu")
        if not value.isdecimal() or int(value) not in _MTU_RANGE:
            raise UsageError(f"--opt {name}={value}: not a size of packets, {_MTU_RANGE[0]} to {_MTU_RANGE[-1]}")
        mtu = int(value)
    return mtu


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value
