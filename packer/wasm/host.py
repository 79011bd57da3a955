"""What a WebAssembly file asks of its host, in words, by the names of its imports. Pure.

WASI preview 1: the functions of ``wasi_snapshot_preview1``. WASI 0.2: the packages and interfaces of its worlds.
"""

from __future__ import annotations

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
