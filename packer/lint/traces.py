"""What people leave in files without meaning to: keys, tokens, the folders that they build in. Pure: bytes in.

A secret itself never leaves this module, only its beginning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from whit.packer.lint.tokens import PRIVATE_KEY, TOKENS
from whit.packer.support.search import merge, subtract

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from whit.packer.elf.file import ElfFile
    from whit.packer.support.search import Data, Span

_MAX_TRACES = 64
"""Of each kind in one file; a file of nothing but such is no accident."""

_MAX_DISTINCT = 100_000

_HOMES = (
    re.compile(rb"/(?:home|Users)/([A-Za-z0-9][A-Za-z0-9._-]{0,31})/[\w.@+/-]{1,200}"),
    re.compile(rb":\\Users\\([A-Za-z0-9][A-Za-z0-9._-]{0,31})\\[\w.@+\\-]{1,200}"),
)
_SOURCES = re.compile(
    rb"\.(?:go|rs|c|cc|cpp|cxx|h|hpp|hh|nim|zig|s|S|py|pyx|swift|kt|java)\Z"
    rb"|[/\\](?:\.cargo[/\\]registry|\.rustup[/\\]toolchains|\.nimble[/\\]pkgs|go[/\\]pkg[/\\]mod|CMakeFiles)[/\\]"
)
"""What a builder's path has and a path that a program opens (``/home/linuxbrew/.linuxbrew/bin``) hasn't."""

_NOBODY = frozenset(
    [
        "runner",
        "runneradmin",
        "runneruser",
        "travis",
        "circleci",
        "vsts",
        "appveyor",
        "buildkite-agent",
        "gitlab-runner",
        "jenkins",
        "ubuntu",
        "debian",
        "user",
        "username",
        "users",
        "name",
        "me",
        "you",
        "foo",
        "bar",
        "example",
        "nonroot",
        "app",
        "build",
        "builder",
        "buildbot",
        "builduser",
        "root",
        "linuxbrew",
        "conda",
        "docker",
        "default",
        "public",
        "shared",
        "vagrant",
        "bazel",
        "admin",
        "container",
        "nobody",
    ]
)
"""Accounts of build services and examples: they tell of nobody."""


class TraceKind(StrEnum):
    """What was found."""

    KEY = "key"
    TOKEN = "token"  # noqa: S105 - a kind
    HOME = "home"


@dataclass(frozen=True, slots=True)
class Trace:
    """One find: ``detail`` is the kind of secret with its beginning, or a path. ``encrypted`` keys need a password."""

    kind: TraceKind
    detail: str
    offset: int
    encrypted: bool = False


def traces_in_elf(elf: ElfFile, table: Span | None) -> tuple[Trace, ...]:
    """Secrets in an executable's data, builders' folders there and in its debug information.

    ``table`` is Go's function table, a third of the data: paths stand in it, secrets don't.
    """
    from whit.packer.elf.hardening import debug_sections  # noqa: PLC0415 - not for files that are no ELF
    from whit.packer.elf.spans import data  # noqa: PLC0415

    loaded = data(elf)
    secrets = subtract(loaded, merge([table], len(elf.data))) if table else loaded
    debug = [section.span for section in debug_sections(elf) if section.name in _PATHS_IN]
    homes = merge([*loaded, *debug], len(elf.data))
    return (*_secrets(elf.data, secrets), *_homes(elf.data, homes))


_PATHS_IN = (".debug_str", ".debug_line_str", ".debug_line")


def traces_in(data: Data) -> tuple[Trace, ...]:
    """Secrets anywhere in a file of any kind. Paths mean nothing there."""
    return tuple(_secrets(data, ((0, len(data)),)))


def traces_in_wasm(data: Data) -> tuple[Trace, ...]:
    """Secrets and builders' folders anywhere in a WebAssembly file."""
    whole = ((0, len(data)),)
    return (*_secrets(data, whole), *_homes(data, whole))


def _secrets(data: Data, spans: Sequence[Span]) -> Iterator[Trace]:
    """The finds, kind by kind, the same text only once."""
    for match in islice(_distinct(PRIVATE_KEY, data, spans), _MAX_TRACES):
        encrypted = b"ENCRYPTED" in match[0]
        yield Trace(TraceKind.KEY, match[1].decode("latin-1").lower(), match.start(), encrypted)
    for token in TOKENS:
        sure = (match for match in _distinct(token.pattern, data, spans) if token.sure(match[1]))
        for match in islice(sure, _MAX_TRACES):
            shown = match[0][: match.start(1) - match.start() + 4].decode("latin-1")
            detail = f"{token.name} ({shown}…, {len(match[0])} characters)"
            yield Trace(TraceKind.TOKEN, detail, match.start())


def _homes(data: Data, spans: Sequence[Span]) -> Iterator[Trace]:
    """One path for each account."""
    seen: set[bytes] = set()
    for pattern in _HOMES:
        for match in _distinct(pattern, data, spans):
            account = match[1]
            if account in seen or account.decode().lower() in _NOBODY or len(seen) == _MAX_TRACES:
                continue
            if _SOURCES.search(match[0]):
                seen.add(account)
                yield Trace(TraceKind.HOME, match[0].decode("latin-1"), match.start())


def _distinct(pattern: re.Pattern[bytes], data: Data, spans: Sequence[Span]) -> Iterator[re.Match[bytes]]:
    """The matches within spans (sorted, disjoint), each text once."""
    seen: set[bytes] = set()
    for start, end in spans:
        for match in pattern.finditer(data, start, end):
            if match[0] not in seen and len(seen) < _MAX_DISTINCT:
                seen.add(match[0])
                yield match
