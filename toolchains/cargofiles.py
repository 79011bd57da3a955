"""What of Cargo.toml and cargo's configuration decides a build, before cargo is asked (doc.rust-lang.org/cargo, "Manifest"). Pure."""

from __future__ import annotations

import json
import posixpath
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whit.packer.support.errors import UnsupportedError

if TYPE_CHECKING:
    from whit.toolchains.model import Kit, Project


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


_SOURCE_KEYS = ("replace-with", "directory", "registry", "local-registry", "git", "branch", "tag", "rev")


def unseen_words(project: Project, kit: Kit) -> tuple[str, ...]:
    """Options for a cargo that is started elsewhere, so that it doesn't see the tree's ``.cargo/config.toml``.

    That may name programs (``build.rustc-wrapper``, credential providers, linkers). What it says of where crates are is given again.
    """
    folder = project.folder
    while folder != project.root and "Cargo.toml" not in kit.names(folder):
        folder = posixpath.dirname(folder)
    words = [f"--manifest-path={posixpath.join(folder, 'Cargo.toml')}"]
    configured = _toml(kit.read(posixpath.join(project.root, ".cargo/config.toml")))
    for table, keys in (("source", _SOURCE_KEYS), ("registries", ("index",))):
        found = configured.get(table)
        for name, told in found.items() if isinstance(found, dict) else ():
            for key in keys:
                value = told.get(key) if isinstance(told, dict) else None
                if isinstance(value, str):
                    is_place = key in {"directory", "local-registry"}
                    plain = posixpath.join(project.root, value) if is_place else value
                    words += ["--config", f"{table}.{json.dumps(name)}.{key}={json.dumps(plain)}"]
    return tuple(words)


def check_toolchain(project: Project, kit: Kit) -> None:
    """A toolchain that the tree brings isn't asked outside of the box (rust-lang.github.io/rustup, "The toolchain file").

    Raises :class:`UnsupportedError`.
    """
    folder = project.folder
    while True:
        for name in ("rust-toolchain.toml", "rust-toolchain"):
            told = _toml(kit.read(posixpath.join(folder, name))).get("toolchain")
            if isinstance(told, dict) and "path" in told:
                raise UnsupportedError(
                    f"{posixpath.join(folder, name)} names a toolchain by its path: with --hermetic none of the tree's own is executed",
                    hint="name a channel, or leave --hermetic out",
                )
        if folder == "/":
            return
        folder = posixpath.dirname(folder)


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
