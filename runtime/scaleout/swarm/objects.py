"""What a stack has at the engine beside its services, and what of what is there it needs no more. Pure."""

from __future__ import annotations

from whit.packer.support.errors import NotFoundError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.scaleout.swarm.specs import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from whit.runtime.compose.project import Values
    from whit.runtime.scaleout.swarm.dialect import StackFile

    Object = Mapping[str, Any]
    """An object as the Engine API shows it."""

_OF_NODES = frozenset(("host", "none"))
"""Networks that each node has."""


@dataclass(frozen=True, slots=True)
class Present:
    """What the engine has: the stack's own services, and all networks, secrets and configs."""

    services: Sequence[Object]
    networks: Sequence[Object]
    secrets: Sequence[Object]
    configs: Sequence[Object]

    def ids(self) -> dict[tuple[str, str], str]:
        """Secrets and configs by (kind, name)."""
        rows = (("secrets", self.secrets), ("configs", self.configs))
        return {(kind, one["Spec"]["Name"]): one["ID"] for kind, many in rows for one in many}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made, before the services; services by name, True: it is there; services that the file doesn't have (names)."""

    networks: tuple[Values, ...]
    files: tuple[tuple[str, str, str], ...]
    """(kind, key, name)"""
    services: tuple[tuple[str, bool], ...]
    gone: tuple[str, ...]


def plan(file: StackFile, present: Present) -> Plan:
    """What is missing. Raises :class:`NotFoundError` for what is external and isn't there."""
    known = {one["Spec"]["Name"] for one in present.services}
    wanted = [f"{file.name}_{name}" for name in file.configuration["services"]]
    services = tuple((name, f"{file.name}_{name}" in known) for name in file.configuration["services"])
    gone = tuple(sorted(known - set(wanted)))
    return Plan(_missing_networks(file, present), tuple(_files(file, present)), services, gone)


def own_networks(file: StackFile) -> tuple[Values, ...]:
    """Bodies of POST /networks/create for all networks that are the stack's own."""
    many = file.configuration.get("networks", {}).values()
    return tuple(_network(file.name, values) for values in many if not values.get("external"))


def _missing_networks(file: StackFile, present: Present) -> tuple[Values, ...]:
    known = {one["Name"]: one for one in present.networks}
    for values in file.configuration.get("networks", {}).values():
        name = values["name"]
        if values.get("external") and name not in _OF_NODES and known.get(name, {}).get("Scope") != "swarm":
            hint = f"docker network create --driver overlay {name}"
            raise NotFoundError(f"there is no network {name} of the whole swarm", hint=hint)
    return tuple(body for body in own_networks(file) if body["name"] not in known)


def _network(stack: str, values: Values) -> Values:
    made: dict[str, Any] = {"name": values["name"], "driver": values["driver"], "scope": "swarm"}
    made["labels"] = {**(values.get("labels") or {}), NAMESPACE: stack}
    made |= {key: True for key in ("internal", "attachable") if values.get(key)}
    if values.get("driver_opts"):
        made["options"] = values["driver_opts"]
    if values.get("ipam"):
        ipam = values["ipam"]
        subnets = [{"Subnet": one["subnet"]} for one in ipam.get("config") or ()]
        made["ipam"] = {"Driver": ipam.get("driver") or "default", "Config": subnets}
    return made


def _files(file: StackFile, present: Present) -> Iterator[tuple[str, str, str]]:
    known = present.ids()
    for kind in ("secrets", "configs"):
        for key, values in file.configuration.get(kind, {}).items():
            if (kind, values["name"]) not in known:
                yield kind, key, values["name"]


def unused(stack: str, present: Present) -> tuple[tuple[str, str, str], ...]:
    """Secrets and configs of the stack that no service is shown, nor would be after a rollback: (kind, ID, name)."""
    used = {
        one[f"{title}ID"]
        for service in present.services
        for spec in (service["Spec"], service.get("PreviousSpec") or {})
        for title in ("Secret", "Config")
        for one in (spec.get("TaskTemplate") or {}).get("ContainerSpec", {}).get(f"{title}s") or ()
    }
    rows = (("secrets", present.secrets), ("configs", present.configs))
    return tuple(
        (kind, one["ID"], one["Spec"]["Name"])
        for kind, many in rows
        for one in many
        if (one["Spec"].get("Labels") or {}).get(NAMESPACE) == stack and one["ID"] not in used
    )
