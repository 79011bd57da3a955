"""The Go release that a program was built with: whether it still gets security fixes, what it knows of limits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Format
from whit.packer.lint.model import Found, Level, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.lint.model import Program

_POLICY = "https://go.dev/doc/devel/release#policy"

RELEASES: dict[int, str] = {
    13: "2019-09",
    14: "2020-02",
    15: "2020-08",
    16: "2021-02",
    17: "2021-08",
    18: "2022-03",
    19: "2022-08",
    20: "2023-02",
    21: "2023-08",
    22: "2024-02",
    23: "2024-08",
    24: "2025-02",
    25: "2025-08",
    26: "2026-02",
    27: "2026-08",
}
"""Go 1.N → the month of its release (go.dev/doc/devel/release). docs/lint.md says how it is kept up to date."""

NEWEST = max(RELEASES)
_SUPPORTED = 2
"""Releases that get fixes: the newest two."""

_CGROUP_AWARE = 25
_SETS_PROCESSORS = "go.uber.org/automaxprocs"
_SETS_MEMORY = "github.com/KimMachineGun/automemlimit"


def minor(program: Program) -> int | None:
    """N of Go 1.N; None for another language, an unknown version or a Go 2."""
    language = program.analysis.language
    version = re.match(r"(?:go)?1\.(\d+)", language.version or "") if language.name == "go" else None
    return int(version[1]) if version else None


def _unsupported(program: Program) -> Iterator[Found]:
    number = minor(program)
    if number is None or number > NEWEST - _SUPPORTED:
        return
    successor = RELEASES.get(number + _SUPPORTED)
    since = f" since {successor}, when Go 1.{number + _SUPPORTED} came out" if successor else ""
    yield Found(f"built with Go {program.analysis.language.version}, which gets no fixes{since}")


def _unfinished(program: Program) -> Iterator[Found]:
    version = program.analysis.language.version or ""
    if program.analysis.language.name == "go" and re.search(r"\d(?:rc|beta)\d|devel", version):
        yield Found(f"built with Go {version}")


def _set_by_image(program: Program, variable: str) -> bool:
    return program.run is not None and any(entry.startswith(f"{variable}=") for entry in program.run.env)


def _depends_on(program: Program, module: str) -> bool:
    return any(path == module for path, _ in program.analysis.build.dependencies)


def _in_cgroup(program: Program) -> bool:
    """A WebAssembly program's limits are its host's business."""
    return program.analysis.format is Format.ELF


def _processors(program: Program) -> Iterator[Found]:
    number = minor(program)
    if number is None or number >= _CGROUP_AWARE or _set_by_image(program, "GOMAXPROCS") or not _in_cgroup(program):
        return
    if not _depends_on(program, _SETS_PROCESSORS):
        yield Found(f"Go {program.analysis.language.version} starts a thread for each of the host's processors")


def _memory(program: Program) -> Iterator[Found]:
    told = _set_by_image(program, "GOMEMLIMIT") or _depends_on(program, _SETS_MEMORY)
    if minor(program) is not None and not told and _in_cgroup(program):
        yield Found("Go's garbage collector doesn't know the container's memory limit")


RULES = (
    Rule(
        "go-unsupported",
        Level.WARNING,
        "Its Go release gets no security fixes any more",
        "The standard library is in the program: holes in net/http, crypto/tls and others stay open in it until it is "
        "built again.",
        f"Build it with Go 1.{NEWEST} or 1.{NEWEST - 1}; govulncheck -mode=binary tells which holes it has.",
        _POLICY,
        program=_unsupported,
    ),
    Rule(
        "go-prerelease",
        Level.WARNING,
        "It was built with a Go that isn't a release",
        "Betas, release candidates and development versions get no fixes at all.",
        f"Build it with Go 1.{NEWEST}.",
        _POLICY,
        program=_unfinished,
    ),
    Rule(
        "go-cpu-limit",
        Level.WARNING,
        "It doesn't see its CPU limit",
        "Before Go 1.25 GOMAXPROCS is the number of the host's processors: with a limit of two on a host of 64 the "
        "threads use up their share at once and then all wait.",
        "Build with Go 1.25 or newer, set GOMAXPROCS to the limit, or import go.uber.org/automaxprocs.",
        "https://go.dev/doc/go1.25#container-aware-gomaxprocs",
        program=_processors,
    ),
    Rule(
        "go-memory-limit",
        Level.NOTE,
        "It doesn't see its memory limit",
        "No Go release reads it: the heap may grow to twice what is alive, and the kernel kills the program at a limit "
        "that collecting earlier would have kept.",
        "If you run it with a memory limit, set GOMEMLIMIT to some 90 % of it.",
        "https://go.dev/doc/gc-guide#Memory_limit",
        program=_memory,
    ),
)
