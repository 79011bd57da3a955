"""A service's networks and ports, as the engine takes them. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.compose.project import SERVICE
from whit.runtime.engine.networks.joining import Asked, check_once, checked, parse_networks
from whit.runtime.engine.networks.making import Wishes
from whit.runtime.engine.networks.model import Joining
from whit.runtime.engine.networks.ports import parse_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whit.runtime.compose.project import Project, Service, Values
    from whit.runtime.engine.networks.model import PortMapping


def networks_of(project: Project, service: Service, names: Callable[[str], str]) -> tuple[str, tuple[Joining, ...]]:
    """(what it has instead of networks, or the first of them; its networks), as ``whit run --network`` makes them."""
    mode = service.network_mode
    if mode.startswith(SERVICE):
        return f"container:{names(mode.removeprefix(SERVICE))}", ()
    if mode or not service.networks:
        return parse_networks(Asked((mode or "bridge",), mac=service.values.get("mac_address")))
    order = sorted(service.networks.items(), key=lambda item: _priority(item[1] or {}))
    wishes = tuple(_joining(project, service, key, values or {}) for key, values in order)
    own = service.values.get("mac_address")
    if own and not wishes[0].mac:
        wishes = (replace(wishes[0], mac=own), *wishes[1:])
    check_once(wishes)
    return wishes[0].network, tuple(map(checked, wishes))


def _priority(values: Values) -> tuple[int, int]:
    """By which network it goes out is said by gw_priority, which comes first by priority."""
    return -int(values.get("gw_priority") or 0), -int(values.get("priority") or 0)


def _joining(project: Project, service: Service, key: str, values: Values) -> Joining:
    for name in ("link_local_ips", "driver_opts"):
        if values.get(name):
            raise UsageError(f"networks.{key}.{name}: whit can't do that", hint="take it out of the file")
    aliases = dict.fromkeys((service.name, *(values.get("aliases") or ()), *_linked(project, service)))
    return Joining(
        project.network_name(key),
        tuple(aliases),
        values.get("ipv4_address") or None,
        values.get("ipv6_address") or None,
        values.get("mac_address") or None,
        values.get("interface_name") or None,
    )


def _linked(project: Project, service: Service) -> tuple[str, ...]:
    """What others call it in their ``links``: ``SERVICE:ALIAS``."""
    texts = (text.partition(":") for other in project.services.values() for text in other.values.get("links") or ())
    return tuple(alias for name, _, alias in texts if name == service.name and alias)


def new_network(name: str, values: Values, labels: Mapping[str, str]) -> Wishes:
    """What is asked of a network that isn't there."""
    configs: list[Values] = list((values.get("ipam") or {}).get("config") or ())

    def each(key: str) -> tuple[str, ...]:
        return tuple(str(config[key]) for config in configs if config.get(key))

    own = {key: str(value) for key, value in (values.get("labels") or {}).items()}
    return Wishes(
        name=name,
        driver=values.get("driver") or "bridge",
        subnets=each("subnet"),
        gateways=each("gateway"),
        ranges=each("ip_range"),
        internal=bool(values.get("internal")),
        ipv6=bool(values.get("enable_ipv6")),
        labels=tuple(f"{key}={value}" for key, value in {**own, **labels}.items()),
        options=tuple(f"{key}={value}" for key, value in (values.get("driver_opts") or {}).items()),
    )


def ports_of(service: Service, number: int, free: Callable[[range, int], int]) -> tuple[PortMapping, ...]:
    """The ports that a service's container is published at; of a range of the host's each container has one."""
    return tuple(
        mapping for port in service.values.get("ports") or () for mapping in parse_port(_text(port, number, free))
    )


def _text(port: Values, number: int, free: Callable[[range, int], int]) -> str:
    published = str(port.get("published") or "")
    first, dash, last = published.partition("-")
    if dash and first.isdigit() and last.isdigit() and len(last) < 6:  # noqa: PLR2004 - digits of a port
        choices = range(int(first), int(last) + 1)
        published = str(free(choices, number)) if choices else published
    host = str(port.get("host_ip") or "")
    address = f"[{host}]" if ":" in host and not host.startswith("[") else host
    before = f"{address}:{published}:" if address else f"{published}:" if published else ""
    mode = port.get("mode") or "ingress"
    if mode not in {"ingress", "host"}:
        raise UsageError(f"ports: there is no mode {mode}", hint="ingress or host")
    return f"{before}{port['target']}/{port.get('protocol') or 'tcp'}"


def check_scale(service: Service, count: int) -> None:
    """Raises :class:`UsageError` where so many containers can't all be published, or called, as the file says."""
    if count < 2:  # noqa: PLR2004 - one alone is in nobody's way
        return
    if service.container_name:
        raise UsageError(
            f"service {service.name}: {count} containers can't all be called {service.container_name}",
            hint="leave container_name out of the file, or scale to 1",
        )
    for port in service.values.get("ports") or ():
        first, _, last = str(port.get("published") or "").partition("-")
        room = int(last) - int(first) + 1 if first.isdigit() and last.isdigit() else 1
        if first and first != "0" and room < count:
            raise UsageError(
                f"service {service.name}: {room} port{'s' if room > 1 else ''} of the host's ({port['published']}) for {count} containers",
                hint=f'give a range, "{first}-{int(first) + count - 1}:{port["target"]}", or no port of the host\'s for any that is free',
            )
    for key, values in service.networks.items():
        if (values or {}).get("ipv4_address") or (values or {}).get("ipv6_address"):
            raise UsageError(
                f"service {service.name}: {count} containers can't all have one address in the network {key}",
                hint="leave the address out of the file, or scale to 1",
            )
