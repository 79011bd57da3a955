"""Networks as JSON, and back; containers' places in them, which members.py reads. Pure."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import canonical_json, parse_object
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.networks.members import MEMBER
from whit.runtime.engine.networks.model import Network

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.runtime.engine.networks.model import Member, PortMapping

NETWORK = "whit-network/1"
LARGEST = 1 << 20


def network_document(network: Network) -> bytes:
    """A network as it is kept."""
    return canonical_json(
        {
            "schema": NETWORK,
            "name": network.name,
            "id": network.id,
            "device": network.device,
            "created": network.created,
            "automatic": network.automatic,
            "subnet": str(network.subnet),
            "gateway": network.gateway,
            "ipRange": str(network.ip_range) if network.ip_range else None,
            "subnet6": str(network.subnet6) if network.subnet6 else None,
            "gateway6": network.gateway6 or None,
            "internal": network.internal,
            "mtu": network.mtu,
            "labels": dict(network.labels),
            "options": dict(network.options),
        }
    )


def parse_network(data: bytes, where: str) -> Network:
    """A network as it was kept. Raises :class:`InvalidFileError`."""
    document = parse_object(data, where, LARGEST)
    if document.text("schema") != NETWORK:
        raise InvalidFileError(f"{where} is of a form that this whit doesn't know")
    ip_range, subnet6 = document.text_or_none("ipRange"), document.text_or_none("subnet6")
    try:
        return Network(
            name=document.text("name"),
            id=document.text("id"),
            device=document.text("device"),
            created=document.text("created"),
            automatic=document.flag("automatic"),
            subnet=IPv4Network(document.text("subnet")),
            gateway=document.text("gateway"),
            ip_range=IPv4Network(ip_range) if ip_range else None,
            subnet6=IPv6Network(subnet6) if subnet6 else None,
            gateway6=document.text_or_none("gateway6") or "",
            internal=document.flag("internal"),
            mtu=document.count("mtu"),
            labels=document.pairs("labels"),
            options=document.pairs("options"),
        )
    except ValueError as error:
        raise InvalidFileError(f"{where}: {error}") from None


def member_document(member: Member) -> bytes:
    """A container's places in its networks, and what of it its networks have to know."""
    return canonical_json(
        {
            "schema": MEMBER,
            "id": member.id,
            "hostname": member.hostname,
            "names": list(member.names),
            "hosts": [{"name": name, "address": address} for name, address in member.hosts],
            "ports": ports_document(member.ports),
            "endpoints": [
                {
                    "network": endpoint.network,
                    "address": endpoint.address,
                    "address6": endpoint.address6,
                    "mac": endpoint.mac,
                    "interface": endpoint.interface,
                    "gateway": endpoint.gateway or None,
                    "aliases": list(endpoint.aliases),
                }
                for endpoint in member.endpoints
            ],
        }
    )


def ports_document(ports: Iterable[PortMapping]) -> list[dict[str, object]]:
    """Published ports, for any document."""
    return [
        {
            "hostAddress": port.host_address,
            "hostPort": port.host_port,
            "containerPort": port.container_port,
            "protocol": port.protocol.value,
        }
        for port in ports
    ]
