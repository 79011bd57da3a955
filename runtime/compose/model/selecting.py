"""Which services are on: profiles, services that are named, what they need, and the resources that they use. Pure."""

from __future__ import annotations

from whit.packer.support.errors import NotFoundError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model.kinds import near

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Plain = dict[str, Any]


def is_on(container: Plain, profiles: Iterable[str]) -> bool:
    """Whether profiles turn a service or job on. One without profiles always is."""
    own = container.get("profiles") or []
    chosen = set(profiles)
    return not own or "*" in chosen or not chosen.isdisjoint(own)


def with_profiles_of(services: Plain, names: Iterable[str], profiles: tuple[str, ...]) -> tuple[str, ...]:
    """The profiles, and those of services that are named and off."""
    made = list(profiles)
    for name in names:
        if name in services and not is_on(services[name], profiles):
            made += services[name].get("profiles", [])
    return tuple(made)


def needed(services: Plain, names: Iterable[str]) -> set[str]:
    """These services and all that they depend on. Raises :class:`NotFoundError` for a name that no service has."""
    found: set[str] = set()
    waiting = list(names)
    for name in waiting:
        if name not in services:
            raise NotFoundError(f"there is no service '{name[:60]}'", hint=near(name, services) if services else None)
    while waiting:
        name = waiting.pop()
        if name not in found and name in services:
            found.add(name)
            waiting += services[name].get("depends_on", {})
    return found


def used_only(project: Plain) -> Plain:
    """A project without networks, volumes, secrets, configurations and models that no service uses."""
    used: dict[str, set[str]] = {key: set() for key in ("networks", "volumes", "secrets", "configs", "models")}
    every = project.get("services", {}).values()
    for one in (*every, *(hook for service in every for hook in service.get("pre_start", []))):
        used["networks"] |= set(one.get("networks") or {})
        used["models"] |= set(one.get("models") or {})
        used["configs"] |= {item.get("source", "") for item in one.get("configs", [])}
        secrets = [*one.get("secrets", []), *((one.get("build") or {}).get("secrets", []))]
        used["secrets"] |= {item.get("source", "") for item in secrets}
        used["volumes"] |= {
            item["source"]
            for item in one.get("volumes", [])
            if isinstance(item, dict) and item.get("type") == "volume" and item.get("source")
        }
    made = {}
    for key, value in project.items():
        if key in used:
            value = {name: item for name, item in value.items() if name in used[key]}  # noqa: PLW2901 - the same, less
            if not value:
                continue
        made[key] = value
    return made
