"""What a network, a container's place in one, and a published port are. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass, replace

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

DEFAULT = "bridge"
"""The network of containers that name none."""

INTERFACE = "com.docker.network.endpoint.ifname"
"""The only one of docker's options for drivers that says something of a container's place in a network of whit's."""

PREDEFINED = (DEFAULT, "host", "none")
"""Names that no network of a person's can have."""


class Protocol(StrEnum):
    """What a port can be published for."""

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True)
class PortMapping:
    """One port of a container at one address of the host."""

    host_address: str
    host_port: int
    container_port: int
    protocol: Protocol

    @property
    def is_v6(self) -> bool:
        """Whether the host's address is one of IPv6."""
        return ":" in self.host_address

    def __str__(self) -> str:
        host = f"[{self.host_address}]" if self.is_v6 else self.host_address
        return f"{host}:{self.host_port}->{self.container_port}/{self.protocol.value}"


@dataclass(frozen=True, slots=True)
class Network:
    """A bridge of whit's own with its subnets."""

    name: str
    id: str
    device: str
    """The bridge's name, and that of the network's table of rules."""

    subnet: IPv4Network
    gateway: str
    created: str = ""
    automatic: bool = True
    """Whether whit chose the subnet, and may choose another one as long as nobody uses it."""

    ip_range: IPv4Network | None = None
    subnet6: IPv6Network | None = None
    gateway6: str = ""
    internal: bool = False
    mtu: int = 0
    labels: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, str], ...] = ()

    @property
    def mac(self) -> str:
        """The bridge's own; it also tells whose bridge it is."""
        return ":".join(["06", *(self.id[at : at + 2] for at in range(0, 10, 2))])


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A container's place in one network."""

    network: str
    address: str
    address6: str | None
    mac: str
    interface: str
    gateway: str = ""
    """The bridge's address, by which the container can go further; none where the network is internal."""

    aliases: tuple[str, ...] = ()
    """Names that it has in this network only."""


@dataclass(frozen=True, slots=True)
class Joining:
    """A network that a container is to be in. Addresses are those that a person wants; else what is free is taken."""

    network: str = DEFAULT
    aliases: tuple[str, ...] = ()
    address: str | None = None
    address6: str | None = None
    mac: str | None = None
    interface: str | None = None
    """What the interface to it is called in the container; the first of eth0, eth1 … that is free, if a person doesn't say."""


@dataclass(frozen=True, slots=True)
class Place:
    """The addresses of a container in a network."""

    address: str
    address6: str | None
    mac: str


@dataclass(frozen=True, slots=True)
class Member:
    """A container, as far as networks have to know it."""

    id: str
    hostname: str
    names: tuple[str, ...]
    """Its name and what else it is called in all networks."""

    hosts: tuple[tuple[str, str], ...] = ()
    """Names and addresses that a person added (``--add-host``); the address may be ``host-gateway``."""

    ports: tuple[PortMapping, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()

    @property
    def outward(self) -> Endpoint | None:
        """The place by which it goes out, and its ports are published."""
        return next((endpoint for endpoint in self.endpoints if endpoint.gateway), None)

    def at(self, network: str) -> Endpoint | None:
        """Its place in a network."""
        return next((endpoint for endpoint in self.endpoints if endpoint.network == network), None)

    def without(self, network: str) -> Member:
        """The same, out of a network."""
        return replace(self, endpoints=tuple(place for place in self.endpoints if place.network != network))


def mac_of(address: str) -> str:
    """An interface's, made of its address: whoever gets the address next is known under the same one."""
    return ":".join(["02", "77", *(f"{int(part):02x}" for part in address.split("."))])
