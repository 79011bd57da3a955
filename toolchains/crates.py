"""What ``cargo metadata`` says of a project: its programs, and which crates go into one of them. Pure.

The crates are written as cargo-auditable writes them (rust-secure-code/cargo-auditable, PARSING.md), so that every scanner
that knows these finds them in the program: see packer/elf/cargo.py for the reading.
"""

from __future__ import annotations

import json
import posixpath
import zlib
from typing import TYPE_CHECKING, Any

from whit.packer.support.errors import WhitError
from whit.toolchains.model import Target

if TYPE_CHECKING:
    from collections.abc import Iterable

SYMBOL = "AUDITABLE_VERSION_INFO"
SECTION = ".dep-v0"
_SOURCES = (
    ("registry+https://github.com/rust-lang/crates.io-index", "crates.io"),
    ("registry+", "registry"),
    ("git+", "git"),
)


def parse_metadata(text: str) -> dict[str, Any]:
    """Raises :class:`WhitError` for what isn't cargo's document."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("packages"), list):
        raise WhitError("cargo metadata said something that whit doesn't understand")
    return document


def programs(metadata: dict[str, Any], folder: str) -> tuple[Target, ...]:
    """Programs of the packages at a folder and below it: ``path`` is package and program, as cargo is asked for them.

    The main one is the package's ``default-run``, or else the one that is called like the package at the folder itself.
    """
    found = []
    for package in metadata["packages"]:
        place = posixpath.dirname(package["manifest_path"])
        if package["id"] not in metadata["workspace_members"] or not f"{place}/".startswith(f"{folder}/"):
            continue
        main = package.get("default_run") or package["name"]
        shown = posixpath.relpath(place, folder)
        found += [
            Target(
                target["name"],
                f"{package['name']}/{target['name']}",
                "." if shown == "." else f"./{shown}",
                is_main=place == folder and target["name"] == main,
            )
            for target in package["targets"]
            if "bin" in target["kind"]
        ]
    return tuple(found)


_LIBRARIES = {
    "proc-macro": "a macro, which the compiler loads while it compiles others",
    "cdylib": "a library that other programs load while they run",
    "dylib": "a library that Rust's programs load while they run",
    "staticlib": "a library for programs in other languages",
}
_EXTENSIONS = {"pyo3": "Python", "napi": "Node.js", "rustler": "Erlang", "magnus": "Ruby", "jni": "Java"}
"""Crates that make modules for other languages' interpreters."""


def why_no_program(metadata: dict[str, Any], folder: str) -> str:
    """What the packages at a folder and below it are instead; empty for libraries as most are."""
    told = []
    for package in metadata["packages"]:
        place = posixpath.dirname(package["manifest_path"])
        if package["id"] not in metadata["workspace_members"] or not f"{place}/".startswith(f"{folder}/"):
            continue
        kinds = [kind for target in package["targets"] for kind in target["kind"] if kind in _LIBRARIES]
        uses = {dependency["name"] for dependency in package.get("dependencies", ())}
        extended = next((_EXTENSIONS[name] for name in sorted(uses & _EXTENSIONS.keys())), None)
        if kinds and extended and "cdylib" in kinds:
            told.append(f"{package['name']} is an extension of {extended}, whose interpreter loads it")
        elif kinds:
            told.append(f"{package['name']} is {_LIBRARIES[kinds[0]]} ({kinds[0]})")
    return "; ".join(told[:3])


def native_libraries(metadata: dict[str, Any], package: str) -> tuple[str, ...]:
    """Libraries of C that crates of a package's tree say they link with (``links`` of a manifest)."""
    used = {identity for identity, _ in _closure(metadata, _root(metadata, package))}
    linked = {str(one["links"]) for one in metadata["packages"] if one["id"] in used and one.get("links")}
    return tuple(sorted(linked))


def audit_data(metadata: dict[str, Any], package: str) -> bytes:
    """Compressed JSON: every crate of a package's program, in one order everywhere."""
    root = _root(metadata, package)
    kinds = dict(_closure(metadata, root))
    packages = sorted(
        (one for one in metadata["packages"] if one["id"] in kinds),
        key=lambda one: (one["name"], one["version"], one.get("source") or ""),
    )
    number = {one["id"]: at for at, one in enumerate(packages)}
    edges = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    documents = []
    for one in packages:
        document: dict[str, object] = {
            "name": one["name"],
            "version": one["version"],
            "source": _source(one.get("source")),
        }
        if kinds[one["id"]] == "build":
            document["kind"] = "build"
        needed = sorted(number[other] for other, _ in _needed(edges[one["id"]]) if other in number)
        if needed:
            document["dependencies"] = needed
        if one["id"] == root:
            document["root"] = True
        documents.append(document)
    return zlib.compress(json.dumps({"packages": documents}, separators=(",", ":")).encode(), 9)


def audit_source(data: bytes) -> bytes:
    """A crate of one static with the data, in the section where readers look for it."""
    text = (
        f'#[used]\n#[link_section = "{SECTION}"]\n#[no_mangle]\n'
        f"pub static {SYMBOL}: [u8; {len(data)}] = [{','.join(map(str, data))}];\n"
    )
    return text.encode()


def _root(metadata: dict[str, Any], package: str) -> str:
    members = metadata["workspace_members"]
    return str(next(one["id"] for one in metadata["packages"] if one["name"] == package and one["id"] in members))


def _closure(metadata: dict[str, Any], root: str) -> Iterable[tuple[str, str]]:
    """Crates that a crate needs, and whether for the program itself or only to build it; tests' don't count."""
    edges = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    kinds = {root: "runtime"}
    pending = [root]
    while pending:
        here = pending.pop()
        for other, kind in _needed(edges[here]):
            reached = "build" if "build" in {kind, kinds[here]} else "runtime"
            if other not in kinds or (kinds[other] == "build" and reached == "runtime"):
                kinds[other] = reached
                pending.append(other)
    return kinds.items()


def _needed(node: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for dependency in node.get("deps", ()):
        kinds = {kind.get("kind") or "runtime" for kind in dependency.get("dep_kinds", ())} - {"dev"}
        if kinds:
            yield dependency["pkg"], "runtime" if "runtime" in kinds else "build"


def _source(text: str | None) -> str:
    if text is None:
        return "local"
    return next((name for start, name in _SOURCES if text.startswith(start)), "registry")
