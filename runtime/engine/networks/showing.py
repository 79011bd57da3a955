"""Networks as docker's commands show them. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.shortid import short_id
from whit.runtime.engine.networks.model import INTERFACE, PREDEFINED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from whit.runtime.engine.networks.model import Endpoint, Joining, Member, Network

HEADERS = {
    "ID": "NETWORK ID",
    "Name": "NAME",
    "Driver": "DRIVER",
    "Scope": "SCOPE",
    "IPv4": "IPV4",
    "IPv6": "IPV6",
    "Internal": "INTERNAL",
    "Labels": "LABELS",
    "CreatedAt": "CREATED AT",
}
TABLE = "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}"
WITHOUT_BRIDGE = {"host": "host", "none": "null"}
"""Docker's names for the drivers of what isn't a bridge."""


def row(network: Network, *, whole: bool) -> dict[str, object]:
    """A line of ``whit network ls``."""
    return {
        "ID": network.id if whole else short_id(network.id),
        "Name": network.name,
        "Driver": driver(network),
        "Scope": "local",
        "IPv4": "true",
        "IPv6": str(network.subnet6 is not None).lower(),
        "Internal": str(network.internal).lower(),
        "Labels": ",".join(f"{name}={value}" for name, value in network.labels),
        "CreatedAt": network.created,
    }


def driver(network: Network) -> str:
    """By docker's name."""
    return WITHOUT_BRIDGE.get(network.name, "bridge")


def page(network: Network, members: Iterable[tuple[Member, Endpoint]]) -> dict[str, object]:
    """A network as ``whit network inspect`` shows it."""
    bridged = network.name not in WITHOUT_BRIDGE and network.device
    four: dict[str, object] = {"Subnet": str(network.subnet), "Gateway": network.gateway}
    if network.ip_range:
        four["IPRange"] = str(network.ip_range)
    six = {"Subnet": str(network.subnet6), "Gateway": network.gateway6}
    return {
        "Name": network.name,
        "Id": network.id,
        "Created": network.created,
        "Scope": "local",
        "Driver": driver(network),
        "EnableIPv4": True,
        "EnableIPv6": network.subnet6 is not None,
        "IPAM": {
            "Driver": "default",
            "Options": {},
            "Config": [*([four] if bridged else []), *([six] if network.subnet6 else [])],
        },
        "Internal": network.internal,
        "Attachable": False,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": {member.id: _place(network, member, endpoint) for member, endpoint in members},
        "Options": dict(network.options),
        "Labels": dict(network.labels),
        **({"Bridge": network.device} if bridged else {}),
    }


def _place(network: Network, member: Member, endpoint: Endpoint) -> dict[str, object]:
    six = f"{endpoint.address6}/{network.subnet6.prefixlen}" if endpoint.address6 and network.subnet6 else ""
    return {
        "Name": member.names[0] if member.names else "",
        "EndpointID": "",
        "MacAddress": endpoint.mac,
        "IPv4Address": f"{endpoint.address}/{network.subnet.prefixlen}",
        "IPv6Address": six,
    }


def settings(
    names: Iterable[str], wishes: Iterable[Joining], endpoints: Iterable[Endpoint], networks: Iterable[Network]
) -> dict[str, object]:
    """``NetworkSettings.Networks`` of a container: what it asks of each of its networks, and what it has there while it runs.

    A container in another one's network has none of its own.
    """
    asked, has = {wish.network: wish for wish in wishes}, {place.network: place for place in endpoints}
    known = {network.name: network for network in networks}
    return {
        name: _setting(asked.get(name), has.get(name), known.get(name))
        for name in dict.fromkeys([*names, *has])
        if name in asked or name in has or name in WITHOUT_BRIDGE
    }


def _setting(wish: Joining | None, place: Endpoint | None, network: Network | None) -> dict[str, object]:
    own = {"IPv4Address": wish.address, "IPv6Address": wish.address6} if wish else {}
    fixed = {name: address for name, address in own.items() if address}
    six = network.subnet6 if network and place and place.address6 else None
    return {
        "IPAMConfig": fixed or None,
        "Links": None,
        "DriverOpts": {INTERFACE: wish.interface} if wish and wish.interface else None,
        "Aliases": list(wish.aliases) if wish and wish.aliases else None,
        "MacAddress": place.mac if place else (wish and wish.mac) or "",
        "NetworkID": network.id if network else "",
        "EndpointID": "",
        "Gateway": place.gateway if place else "",
        "IPAddress": place.address if place else "",
        "IPPrefixLen": network.subnet.prefixlen if network and network.device and place else 0,
        "IPv6Gateway": network.gateway6 if network and six else "",
        "GlobalIPv6Address": (place.address6 if place else "") or "",
        "GlobalIPv6PrefixLen": six.prefixlen if six else 0,
    }


def chooser(filters: Iterable[str], used: Callable[[Network], bool]) -> Callable[[Network], bool]:
    """What ``--filter`` lets through: values of one key are alternatives, keys all must hold, labels all too.

    Raises :class:`UsageError`.
    """
    wanted: dict[str, list[str]] = {}
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--filter {text} is not NAME=VALUE")
        wanted.setdefault(key, []).append(value)
    tests = _tests(used)
    for key, values in wanted.items():
        if key not in tests:
            raise UsageError(f"--filter {key}: there is no such filter", hint=f"there are {', '.join(sorted(tests))}")
        if key == "dangling" and not {value.lower() for value in values} <= {"true", "false", "1", "0"}:
            raise UsageError(f"--filter dangling={values[0]}: neither true nor false")
        if key == "type" and not set(values) <= {"custom", "builtin"}:
            raise UsageError(f"--filter type={values[0]}: neither custom nor builtin")
    return lambda network: all(
        (all if key.startswith("label") else any)(tests[key](network, value) for value in values)
        for key, values in wanted.items()
    )


def _tests(used: Callable[[Network], bool]) -> Mapping[str, Callable[[Network, str], bool]]:
    return {
        "driver": lambda network, value: driver(network) == value,
        "id": lambda network, value: value in network.id,
        "name": lambda network, value: value in network.name,
        "label": _labelled,
        "label!": lambda network, value: not _labelled(network, value),
        "scope": lambda _, value: value == "local",
        "type": lambda network, value: (network.name in PREDEFINED) == (value == "builtin"),
        "dangling": lambda network, value: (
            (network.name not in PREDEFINED and not used(network)) == (value.lower() in {"true", "1"})
        ),
    }


def _labelled(network: Network, wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return any(key == name and (not equals or has == value) for key, has in network.labels)
