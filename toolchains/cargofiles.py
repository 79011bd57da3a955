"""What of Cargo.toml and cargo's configuration decides a build, before cargo is asked (doc.rust-lang.org/cargo, "Manifest"). Pure."""

from __future__ import annotations

import posixpath
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whit.toolchains.model import Kit


@dataclass(frozen=True, slots=True)
class Facts:
    """What the project's own files say: whether there is a lock file, flags of its configuration, keys of its release profile."""

    is_locked: bool
    flags: tuple[str, ...]
    profile: frozenset[str]


def read_facts(root: str, triple: str, kit: Kit) -> Facts:
    """What a project's own files say of a build for a target."""

    def read(name: str) -> str | None:
        return kit.read(posixpath.join(root, name))

    configured = _toml(read(".cargo/config.toml"))
    release = _toml(read("Cargo.toml")).get("profile", {}).get("release", {})
    return Facts(
        is_locked=read("Cargo.lock") is not None,
        flags=(*_flags(configured.get("build")), *_flags(configured.get("target", {}).get(triple))),
        profile=frozenset(key.upper().replace("-", "_") for key in release),
    )


def _flags(table: Any) -> tuple[str, ...]:  # noqa: ANN401 - what a person's TOML holds
    found = table.get("rustflags", ()) if isinstance(table, dict) else ()
    return tuple(found.split()) if isinstance(found, str) else tuple(map(str, found))


def _toml(text: str | None) -> dict[str, Any]:
    """What cargo itself refuses is nothing here."""
    try:
        return tomllib.loads(text or "")
    except ValueError:
        return {}


def paths(text: str | None) -> list[str]:
    """All that is named by ``path`` in tables of dependencies, and a workspace's members outside."""
    manifest = _toml(text)
    found: list[str] = []
    pending: list[Any] = [manifest]
    while pending:
        here = pending.pop()
        if isinstance(here, dict):
            if isinstance(here.get("path"), str) and here is not manifest:
                found.append(here["path"])
            pending += here.values()
    return [path for path in found if not path.endswith(".rs")]
