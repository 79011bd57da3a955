"""What is in a project's secrets and configs, and the names that follow from it."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.swarm.parts import version_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.compose.project import Project, Values

    Key = tuple[str, str]
    """("secrets" or "configs", key in the file)"""

MOST_BYTES = {"secrets": 500 << 10, "configs": 1000 << 10}
"""Swarm's bounds (docs.docker.com, Manage sensitive data with Docker secrets)."""


def read_contents(project: Project, texts: Mapping[Key, str]) -> dict[Key, bytes]:
    """All that aren't external; ``texts`` are of those that variables hold. Raises :class:`WhitError`."""
    found: dict[Key, bytes] = {}
    for kind, many in (("secrets", project.secrets), ("configs", project.configs)):
        for key, values in many.items():
            if values and not values.get("external"):
                data = _read(kind, key, values, texts.get((kind, key)))
                if not 0 < len(data) <= MOST_BYTES[kind]:
                    bound = f"Swarm takes 1 to {MOST_BYTES[kind]} bytes"
                    raise UsageError(f"{kind}.{key} has {len(data)} bytes", hint=bound)
                found[kind, key] = data
    return found


def versioned_names(project: Project, contents: Mapping[Key, bytes]) -> dict[Key, str]:
    """Names that tell what is in them, so that a change makes other ones."""
    made = {}
    for (kind, key), data in contents.items():
        values = (project.secrets if kind == "secrets" else project.configs)[key]
        made[kind, key] = version_name(str(values.get("name") or f"{project.name}_{key}"), sha256(data).hexdigest())
    return made


def _read(kind: str, key: str, values: Values, text: str | None) -> bytes:
    if values.get("file"):
        path = str(values["file"])
        try:
            with Path(path).open("rb") as file:
                return file.read(MOST_BYTES[kind] + 1)
        except OSError as error:
            raise NotFoundError(
                f"{kind}.{key}: {path}: {error.strerror}", hint="make it, or name another file"
            ) from None
    if values.get("environment"):
        name = str(values["environment"])
        value = os.environ.get(name) if text is None else text
        if value is None:
            raise NotFoundError(f"{kind}.{key}: the variable {name} isn't set", hint="set it, or name a file: file:")
        return value.encode("utf-8", "surrogateescape")
    if values.get("content") is not None:
        return str(values["content"]).encode()
    raise UsageError(f"{kind}.{key} has no source", hint="file:, environment:, or, for a config, content:")
