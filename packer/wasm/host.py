"""What a WebAssembly file asks of its host, in words, by the names of its imports, and what no WASI host has. Pure.

WASI preview 1: the functions of ``wasi_snapshot_preview1``. WASI 0.2: the packages and interfaces of its worlds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PREVIEW_1 = "wasi_snapshot_preview1."
_FUNCTIONS = (
    ("path_", "files"),
    ("fd_readdir", "files"),
    ("fd_prestat", "files"),
    ("sock_", "network"),
    ("clock_", "clocks"),
    ("poll_oneoff", "clocks"),
    ("random_", "randomness"),
    ("args_", "arguments"),
    ("environ_", "environment"),
    ("fd_read", "standard streams"),
    ("fd_write", "standard streams"),
)
_PREVIEW_1_NAMES = frozenset(
    f"{group}_{name}"
    for group, names in (
        ("args", "get sizes_get"),
        ("environ", "get sizes_get"),
        ("clock", "res_get time_get"),
        ("fd", "advise allocate close datasync fdstat_get fdstat_set_flags fdstat_set_rights filestat_get"),
        ("fd", "filestat_set_size filestat_set_times pread prestat_get prestat_dir_name pwrite read readdir"),
        ("fd", "renumber seek sync tell write"),
        ("path", "create_directory filestat_get filestat_set_times link open readlink remove_directory rename"),
        ("path", "symlink unlink_file"),
        ("poll", "oneoff"),
        ("proc", "exit raise"),
        ("sched", "yield"),
        ("random", "get"),
        ("sock", "accept recv send shutdown"),
    )
    for name in names.split()
)
"""All functions of preview 1 (WASI, legacy/preview1/docs.md)."""
_INTERFACES = (
    ("wasi:filesystem/", "files"),
    ("wasi:sockets/", "network"),
    ("wasi:http/", "HTTP"),
    ("wasi:clocks/", "clocks"),
    ("wasi:random/", "randomness"),
    ("wasi:cli/environment", "environment"),
    ("wasi:cli/std", "standard streams"),
    ("wasi:cli/terminal", "a terminal"),
)
_OF_LITTLE_WEIGHT = ("wasi:io/", "wasi:cli/")
"""What every program of its kind imports, and every host has."""


def asked_of_host(imports: Iterable[str]) -> tuple[str, ...]:
    """What the host must give: WASI's capabilities in a fixed order, then the modules or interfaces that aren't WASI's.

    Go imports ``path_open`` for its standard library whether or not the program opens files: an import tells what a
    program can ask for, not that it does.
    """
    known: set[str] = set()
    others: list[str] = []
    for name in imports:
        if name.startswith(_PREVIEW_1):
            known.update(what for start, what in _FUNCTIONS if name.removeprefix(_PREVIEW_1).startswith(start))
        elif found := [what for start, what in _INTERFACES if name.startswith(start)]:
            known.update(found)
        elif not name.startswith(_OF_LITTLE_WEIGHT):
            others.append(name.split(".", 1)[0] if ":" not in name else name.split("@", 1)[0])
    order = dict.fromkeys(what for _, what in (*_FUNCTIONS, *_INTERFACES))
    return (*(what for what in order if what in known), *dict.fromkeys(others))


_WORLDS = (("wasi:http/incoming-handler", "wasi:http/proxy"), ("wasi:cli/run", "wasi:cli/command"))
"""What a component exports → the world that it is for (WASI 0.2, http and cli)."""


def world(exports: tuple[str, ...]) -> str | None:
    """The world that a component is for, by what it exports: ``wasi:cli/command@0.2.0``."""
    for exported, name in _WORLDS:
        for found in exports:
            if re.fullmatch(rf"{exported}(@[0-9A-Za-z.+-]+)?", found):
                return name + found.removeprefix(exported)
    return None


_WASI_0_2 = ("wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:http/", "wasi:io/", "wasi:random/", "wasi:sockets/")
_RELEASES = re.compile(r"0\.2\.[0-9]+")
"""What is run: any 0.2.x, as imports are satisfied by later ones (component model, Semantic Versioning)."""

_ORIGINS = (
    (
        ("wbg.", "__wbindgen"),
        "made for JavaScript by wasm-bindgen: build a program for the target wasm32-wasip1 or wasm32-wasip2",
    ),
    (("gojs.", "go."), "made for a browser: build it with GOOS=wasip1"),
    (("wasi_unstable.",), "made for WASI before preview 1: build it with a newer toolchain"),
    (("wasix_", "wasi.thread-spawn"), "made for a host with threads: build it without them"),
    (
        ("env.emscripten_", "env._emscripten", "env.invoke_", "env.__syscall", "env.__cxa", "env.__assert", "a."),
        "made for JavaScript by emscripten: link it with -sSTANDALONE_WASM, or build it with wasi-sdk or zig",
    ),
    (("env.abort", "env.seed"), "made by AssemblyScript: build it with its WASI shim"),
    (("wasi:",), "a part of a component: wasm-tools component new makes one of it"),
    (("env.memory", "env.__indirect_function_table"), "a part that another module loads: link it into a program"),
)


@dataclass(frozen=True, slots=True)
class Foreign:
    """Imports that are not WASI's, so that a WASI host can't start the program, and what is behind them, if it is known."""

    names: tuple[str, ...]
    cure: str = ""


def foreign(imports: Iterable[str], *, is_component: bool) -> Foreign | None:
    """What a host of WASI preview 1, or for a component of WASI 0.2, doesn't have; None if it has all."""
    has = _has_component if is_component else _has_module
    names = tuple(name for name in imports if not has(name))
    if not names:
        return None
    if is_component:
        return Foreign(names, next((other_release(name) for name in names if name.startswith(_WASI_0_2)), _PART))
    cures = (cure for starts, cure in _ORIGINS for name in names if name.startswith(starts))
    return Foreign(names, next(cures, ""))


_PART = "a part of a whole: compose it with a component that has that (wac plug, wasm-tools compose)"


def other_release(name: str) -> str:
    """What helps with a name of another release of WASI than 0.2."""
    version = name.partition("@")[2]
    if version.startswith(("0.2.0-", "0.1", "0.0")) or not version:
        return "made for a draft of WASI 0.2: build it anew with tools of 2024 or newer"
    return f"made for WASI {version}: build it for WASI 0.2 (wasm32-wasip2)"


def _has_module(name: str) -> bool:
    return name.startswith(_PREVIEW_1) and name.removeprefix(_PREVIEW_1) in _PREVIEW_1_NAMES


def _has_component(name: str) -> bool:
    """Imports without a package are types and interfaces of the component's own that others come with."""
    if ":" not in name:
        return True
    version = name.partition("@")[2]
    return name.startswith(_WASI_0_2) and (not version or _RELEASES.fullmatch(version) is not None)
