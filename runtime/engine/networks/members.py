"""Containers' places in networks, read: cheap to import, as listings and removals need them. folder.py changes them."""

from __future__ import annotations

import os

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.lightjson import load
from whit.packer.support.locks import is_locked
from whit.runtime.engine.networks.model import Endpoint, Member, PortMapping, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from whit.runtime.engine.model import Container

MEMBER = "whit-endpoints/1"
BUILD_LOCK = "build.lock"
"""In a folder beside containers', held by the build whose RUN is in networks."""

FILE, LEASES = "network.json", "leases"


def member_of(container: Container) -> Member:
    """A container as its networks know it."""
    return Member(
        id=container.id,
        hostname=container.hostname,
        names=(container.name,),
        hosts=container.hosts,
        ports=container.ports,
    )


def parse_member(data: bytes, where: str) -> Member:
    """A container's places in its networks, as they were kept. Raises :class:`InvalidFileError`.

    By the short way: who joins a network reads those of all that are in it.
    """
    try:
        document: Any = load(data)
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
    except (ValueError, KeyError, TypeError, RecursionError) as error:
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


def read_member(root: Path | str, container: str) -> Member | None:
    """A container's places in its networks; None where it is in none, or its record isn't whole."""
    place = f"{root}/containers/{container}/{FILE}"
    try:
        with open(place, "rb", buffering=0) as file:  # noqa: PTH123 - of each container in a network
            return parse_member(file.read(), place)
    except (OSError, InvalidFileError):
        return None


def is_building(root: Path, owner: str) -> bool:
    """Whether an address is that of a build's RUN that goes on."""
    return is_locked(root / "containers" / owner / BUILD_LOCK)


def is_passing(address: str, owner: str) -> bool:
    """Whether an address is a program's in the foreground, of which nothing but its lease is kept: its ID is made of the address.

    See runtime/launcher/bridge_lease.c.
    """
    return owner.startswith("".join(f"{int(part):02x}" for part in address.split(".")) + "00000")


def is_placed(root: Path | str, container: str) -> bool:
    """Whether anything is left of the container in any network: a record of its places, or an address."""
    if os.path.lexists(f"{root}/containers/{container}/{FILE}"):
        return True
    try:
        networks = os.listdir(f"{root}/networks")  # noqa: PTH208 - names alone
    except FileNotFoundError:
        return False
    return any(container in _holders(f"{root}/networks/{network}/{LEASES}") for network in networks)


def _holders(leases: str) -> Iterator[str]:
    """Whose the addresses are; one that is given back just then may be missing."""
    try:
        addresses = os.listdir(leases)  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return
    for address in addresses:
        try:
            yield os.readlink(f"{leases}/{address}")  # noqa: PTH115
        except FileNotFoundError:
            continue
