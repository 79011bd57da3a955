"""A network's subnets, and the addresses that services have in it: whether they fit together. Pure."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.networks.making import parse_subnet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from whit.runtime.compose.keys import Path
    from whit.runtime.compose.project import Service, Values

    Telling = Callable[[Path], AbstractContextManager[None]]
    """Has what is wrong be told with the place of a path."""
    Subnet = IPv4Network | IPv6Network


def check_pools(key: str, values: Values, users: Iterable[Service], telling: Telling) -> None:
    """A network's ``ipam.config``, and the addresses of those that use it. Raises what ``telling`` makes of a :class:`UsageError`."""
    subnets: list[Subnet] = []
    for number, pool in enumerate(values["ipam"]["config"]):
        path = ("networks", key, "ipam", "config", number)
        subnet: Subnet | None = None
        if pool.get("subnet"):
            with telling((*path, "subnet")):
                subnet = _subnet(str(pool["subnet"]))
                subnets.append(subnet)
        for name in ("gateway", "ip_range"):
            if pool.get(name):
                with telling((*path, name)):
                    _check_within(str(pool[name]), name, subnet)
    for service in users:
        for name in ("ipv4_address", "ipv6_address"):
            address = (service.networks[key] or {}).get(name)
            of_kind = [one for one in subnets if (":" in str(one)) == (name == "ipv6_address")]
            if address and of_kind:
                with telling(("services", service.name, "networks", key, name)):
                    _check_inside(str(address), of_kind, key)


def _subnet(text: str) -> Subnet:
    try:
        return parse_subnet(text)
    except UsageError as error:
        raise UsageError(error.message, hint="as 10.99.0.0/24") from None


def _check_within(text: str, name: str, subnet: Subnet | None) -> None:
    if name == "ip_range":
        within = _subnet(text)
        if subnet and (within.version != subnet.version or not within.subnet_of(subnet)):  # type: ignore[arg-type]
            raise UsageError(f"{text} is not a part of the subnet {subnet}")
        return
    if subnet:
        _check_inside(text, [subnet], "")


def _check_inside(text: str, subnets: list[Subnet], network: str) -> None:
    try:
        address = ip_address(text)
    except ValueError:
        raise UsageError(f"'{text[:60]}' is no address") from None
    if not any(address in subnet for subnet in subnets):
        of = f" of the network {network}" if network else ""
        raise UsageError(f"{text} is not in the subnet{of}, {', '.join(map(str, subnets))}")
