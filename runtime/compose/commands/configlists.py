"""What ``whit compose config`` lists: names, images, variables, hashes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from whit.packer.showing.console import json_page
from whit.packer.support.errors import NotFoundError
from whit.runtime.compose.model.kinds import near

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
    """What containers have in their label ``com.docker.compose.config-hash``."""
    from whit.runtime.compose.project import config_hash, read_project

    project = read_project(canonical.configuration, canonical.directory, canonical.files, frozenset(canonical.disabled))
    names = list(project.services) if hashed == "*" else [name for name in hashed.split(",") if name]
    for name in names:
        if name not in project.services:
            raise NotFoundError(f"there is no service '{name[:60]}'", hint=near(name, project.services))
    digests = _digests(canonical)
    return {name: config_hash(project, project.services[name], digests) for name in sorted(names)}


def _digests(canonical: Canonical) -> dict[tuple[str, str], str]:
    """Of what is in secrets and configurations, as far as it is there."""
    from hashlib import sha256
    from pathlib import Path

    found = {}
    for section in ("secrets", "configs"):
        for name, entry in canonical.configuration.get(section, {}).items():
            text = canonical.contents.get((section, name), entry.get("content"))
            data = text.encode("utf-8", "surrogateescape") if text is not None else None
            if "file" in entry:
                with suppress(OSError):
                    data = Path(entry["file"]).read_bytes()
            if data is not None:
                found[section, name] = sha256(data).hexdigest()
    return found


def _variables(canonical: Canonical, *, as_json: bool) -> str:
    from whit.packer.showing.tabular import aligned
    from whit.runtime.compose.model.variables import used

    found = used(canonical.configuration)
    if as_json:
        return json_page({name: one.shown() for name, one in found.items()}) + "\n"
    rows = ["NAME\tREQUIRED\tDEFAULT VALUE\tALTERNATE VALUE"]
    rows += [f"{name}\t{str(one.required).lower()}\t{one.default}\t{one.alternative}" for name, one in found.items()]
    return aligned("\n".join(rows)) + "\n"
