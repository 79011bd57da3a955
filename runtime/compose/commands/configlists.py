"""What ``whit compose config`` lists: names, images, variables, hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whit.packer.showing.console import json_page
from whit.packer.support.errors import NotFoundError

if TYPE_CHECKING:
    from whit.runtime.compose.model import Canonical


def page(canonical: Canonical, what: str | None, hashed: str | None, *, as_json: bool) -> str:
    """The list as text: a name a line, or JSON."""
    if hashed:
        hashes = _hashes(canonical, hashed)
        if as_json:
            return json_page(hashes) + "\n"
        return "".join(f"{name} {value}\n" for name, value in hashes.items())
    if what == "environment":
        if as_json:
            return json_page(dict(sorted(canonical.environment.items()))) + "\n"
        return "".join(f"{name}={value}\n" for name, value in sorted(canonical.environment.items()))
    if what == "variables":
        return _variables(canonical, as_json=as_json)
    names = _names(canonical, what or "services")
    return json_page(names) + "\n" if as_json else "".join(f"{name}\n" for name in names)


def _names(canonical: Canonical, what: str) -> list[str]:
    plain = canonical.configuration
    if what == "profiles":
        every = [*plain["services"].values(), *canonical.disabled.values(), *plain.get("jobs", {}).values()]
        return sorted({profile for service in every for profile in service.get("profiles", [])})
    if what == "images":
        return [image for name, service in plain["services"].items() for image in images(canonical.name, name, service)]
    if what == "models":
        return [model["model"] for model in plain.get("models", {}).values() if "model" in model]
    return list(plain.get(what, {}))


def images(project: str, name: str, service: dict[str, Any]) -> list[str]:
    """A service's image, and those of the containers before it and of its mounts."""
    if "provider" in service:
        return []
    own = service.get("image") or f"{project}-{name}"
    others = [hook["image"] for hook in service.get("pre_start", []) if hook.get("image")]
    others += [mount["source"] for mount in service.get("volumes", []) if mount.get("type") == "image"]
    return list(dict.fromkeys([own, *others]))


def _hashes(canonical: Canonical, hashed: str) -> dict[str, str]:
    from whit.runtime.compose.model.hashing import service_hash

    services = canonical.configuration["services"]
    names = list(services) if hashed == "*" else [name for name in hashed.split(",") if name]
    for name in names:
        if name not in services:
            raise NotFoundError(f"there is no service '{name[:60]}'")
    return {name: service_hash(services[name]) for name in sorted(names)}


def _variables(canonical: Canonical, *, as_json: bool) -> str:
    from whit.packer.showing.tabular import aligned
    from whit.runtime.compose.model.variables import used

    found = used(canonical.configuration)
    if as_json:
        return json_page({name: one.shown() for name, one in found.items()}) + "\n"
    rows = ["NAME\tREQUIRED\tDEFAULT VALUE\tALTERNATE VALUE"]
    rows += [f"{name}\t{str(one.required).lower()}\t{one.default}\t{one.alternative}" for name, one in found.items()]
    return aligned("\n".join(rows)) + "\n"
