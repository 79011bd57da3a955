"""Networks and containers' places in them as JSON, and back. Pure."""

from __future__ import annotations

import json
from ipaddress import IPv4Network, IPv6Network

from whit.packer.errors import InvalidFileError
from whit.packer.jsondoc import canonical_json, parse_object
from whit.packer.light import TYPE_CHECKING
from whit.runtime.engine.networks.model import Endpoint, Member, Network, PortMapping, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

NETWORK, MEMBER = "whit-network/1", "whit-endpoints/1"
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


def parse_member(data: bytes, where: str) -> Member:
    """The same, as it was kept. Raises :class:`InvalidFileError`.

    By the short way: who joins a network reads those of all that are in it.
    """
    try:
        document = json.loads(data)
        if document["schema"] != MEMBER:
            raise InvalidFileError(f"{where} is of a form that this whit doesn't know")
        return Member(
            id=document["id"],
            hostname=document["hostname"],
            names=tuple(document["names"]),
            hosts=tuple((host["name"], host["address"]) for host in document["hosts"]),
            ports=tuple(map(_port, document["ports"])),
            endpoints=tuple(map(_endpoint, document["endpoints"])),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidFileError(f"{where} is damaged: {error}") from None


def _port(document: dict[str, Any]) -> PortMapping:
    return PortMapping(
        document["hostAddress"], document["hostPort"], document["containerPort"], Protocol(document["protocol"])
    )


def _endpoint(document: dict[str, Any]) -> Endpoint:
    return Endpoint(
        network=document["network"],
        address=document["address"],
        address6=document["address6"],
        mac=document["mac"],
        interface=document["interface"],
        gateway=document["gateway"] or "",
        aliases=tuple(document["aliases"]),
    )
