"""What of Cargo.toml and cargo's configuration decides a build, before cargo is asked (doc.rust-lang.org/cargo, "Manifest"). Pure."""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whit.packer.support.errors import UnsupportedError
from whit.toolchains.model import check_outside

if TYPE_CHECKING:
    from collections.abc import Iterator

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

    configured = _configuration(root, kit)
    release = _toml(read("Cargo.toml")).get("profile", {}).get("release", {})
    return Facts(
        is_locked=read("Cargo.lock") is not None,
        flags=(*_flags(configured.get("build")), *_flags(configured.get("target", {}).get(triple))),
        profile=frozenset(key.upper().replace("-", "_") for key in release),
    )


_INHERITED = re.compile(r"\bworkspace\s*=\s*(?:true|\")")
_PATCH_KEYS = ("path", "git", "branch", "tag", "rev", "package", "version", "registry")
_PLACES = frozenset(("directory", "local-registry", "path"))
_SOURCE_KEYS = ("replace-with", "directory", "registry", "local-registry", "git", "branch", "tag", "rev")


def unseen_words(project: Project, kit: Kit) -> tuple[str, ...]:
    """Options for a cargo that is started elsewhere, so that it doesn't see the tree's ``.cargo/config.toml``.

    That may name programs (``build.rustc-wrapper``, credential providers, linkers). What it says of where crates are is given again.
    """
    folder = project.folder
    while folder != project.root and "Cargo.toml" not in kit.names(folder):
        folder = posixpath.dirname(folder)
    words = [f"--manifest-path={posixpath.join(folder, 'Cargo.toml')}"]
    configured = _configuration(project.root, kit)
    for table, keys in (("source", _SOURCE_KEYS), ("registries", ("index",))):
        for name, told in _tables(configured.get(table)):
            words += _given(f"{table}.{json.dumps(name)}", told, keys, project)
    for source, patched in _tables(configured.get("patch")):
        for name, told in _tables(patched):
            words += _given(f"patch.{json.dumps(source)}.{json.dumps(name)}", told, _PATCH_KEYS, project)
    if _overrides(configured):
        paths = [posixpath.join(project.root, path) for path in _overrides(configured)]
        words += ["--config", f"paths={json.dumps(paths)}"]
    return tuple(words)


def _given(place: str, told: dict[str, Any], keys: tuple[str, ...], project: Project) -> Iterator[str]:
    for key in keys:
        value = told.get(key)
        if isinstance(value, str):
            plain = posixpath.join(project.root, value) if key in _PLACES else value
            yield from ("--config", f"{place}.{key}={json.dumps(plain)}")


def _tables(table: Any) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401 - what a person's TOML holds
    """Tables in a table, by name."""
    found = table.items() if isinstance(table, dict) else ()
    return ((name, told) for name, told in found if isinstance(told, dict))


def _overrides(configured: dict[str, Any]) -> list[str]:
    """``paths``: crates that are taken from there, whatever their version."""
    found = configured.get("paths")
    return [path for path in found if isinstance(path, str)] if isinstance(found, list) else []


def _configuration(root: str, kit: Kit) -> dict[str, Any]:
    return _toml(kit.read(posixpath.join(root, ".cargo/config.toml")))


def configurations_above(project: Project, kit: Kit) -> tuple[str, ...]:
    """Files that cargo reads too (doc.rust-lang.org/cargo, "Configuration": hierarchical structure)."""
    found: list[str] = []
    folder = project.root
    while folder != "/":
        folder = posixpath.dirname(folder)
        found += (posixpath.join(folder, ".cargo", name) for name in ("config.toml", "config"))
    return tuple(path for path in found if kit.is_file(path))


def outside_folders(project: Project, kit: Kit) -> tuple[str, ...]:
    """Folders beside the tree that manifests and the configuration name, and those that these name in turn.

    Of a crate that inherits from its own workspace it is that.
    """
    found: list[str] = []
    pending = [project.root]
    while pending:
        folder = pending.pop()
        manifest = posixpath.join(folder, "Cargo.toml")
        text = kit.read(manifest)
        named = [(other, manifest) for other in (*paths(text), *_members_outside(text))]
        if folder == project.root:
            configured = _configuration(folder, kit)
            where = posixpath.join(folder, ".cargo/config.toml")
            named += [(other, where) for other in (*paths_in(configured.get("patch")), *_overrides(configured))]
        elif _INHERITED.search(text or "") and (above := _workspace_above(folder, kit)):
            named.append((above, manifest))
        for other, where in named:
            path = posixpath.normpath(posixpath.join(folder, other))
            if path not in found and path != project.root:
                is_module = "Cargo.toml" in kit.names(path)
                check_outside(project, path, where, is_module=is_module)
                if not is_module:
                    continue  # cargo itself says so, and all of /etc isn't read for that
                found.append(path)
                pending.append(path)
    return tuple(sorted(path for path in found if not f"{path}/".startswith(f"{project.root}/")))


def _members_outside(text: str | None) -> list[str]:
    workspace = _toml(text).get("workspace")
    members = workspace.get("members") if isinstance(workspace, dict) else None
    named = members if isinstance(members, list) else []
    return [name for name in named if isinstance(name, str) and name.startswith(("../", "/")) and "*" not in name]


def _workspace_above(folder: str, kit: Kit) -> str | None:
    while folder != "/":
        folder = posixpath.dirname(folder)
        if "workspace" in _toml(kit.read(posixpath.join(folder, "Cargo.toml"))):
            return folder
    return None


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
    """All that is named by ``path`` in tables of dependencies."""
    return paths_in(_toml(text))


def paths_in(manifest: Any) -> list[str]:  # noqa: ANN401 - what a person's TOML holds
    """All that is named by ``path`` in tables below one."""
    found: list[str] = []
    pending: list[Any] = [manifest]
    while pending:
        here = pending.pop()
        if isinstance(here, dict):
            if isinstance(here.get("path"), str) and here is not manifest:
                found.append(here["path"])
            pending += here.values()
    return [path for path in found if not path.endswith(".rs")]
