"""What a person should know and no file can mend."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.analysis import Libc, Linkage
from whit.packer.needs.model import Grade, Verdict
from whit.packer.resolution import Advice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.analysis import Analysis
    from whit.packer.needs.model import Need

_CGROUP_AWARE_GO = (1, 25)
_SETS_GOMAXPROCS = "go.uber.org/automaxprocs"


def advise(analysis: Analysis, needs: Mapping[str, Need]) -> tuple[Advice, ...]:
    """The findings on one executable, most weighty first; ``needs`` by their names."""
    found = (
        _plug_ins(analysis, needs),
        _programs(needs),
        _converters(needs),
        _system_log(needs),
        _processors(analysis),
    )
    return tuple(filter(None, found))


def _plug_ins(analysis: Analysis, needs: Mapping[str, Need]) -> Advice | None:
    need = needs["dlopen"]
    if need.verdict is not Verdict.NEEDED or analysis.linkage is Linkage.DYNAMIC:
        return None
    if analysis.libc is Libc.MUSL:
        text = "It loads libraries while it runs, which a static musl program can never do: link them in."
    else:
        text = "It loads libraries while it runs, and the image has none: link them in."
    return Advice("dlopen", text)


def _programs(needs: Mapping[str, Need]) -> Advice | None:
    if needs["exec"].verdict is not Verdict.NEEDED:
        return None
    return Advice("exec", "It can run other programs, and the image has none, not even a shell.")


def _converters(needs: Mapping[str, Need]) -> Advice | None:
    if needs["gconv"].grade is not Grade.LINKED:
        return None
    return Advice("gconv", "Its iconv knows Unicode and ASCII only: the image has no other converters.")


def _system_log(needs: Mapping[str, Need]) -> Advice | None:
    if needs["syslog"].grade is not Grade.LINKED:
        return None
    return Advice("syslog", "There is no system log in a container: let it log to stderr, or mount /dev/log.")


def _processors(analysis: Analysis) -> Advice | None:
    """Go reads cgroup CPU limits since 1.25 (release notes, "Container-aware GOMAXPROCS")."""
    version = re.match(r"go(\d+)\.(\d+)", analysis.language.version or "") if analysis.language.name == "go" else None
    if not version or (int(version[1]), int(version[2])) >= _CGROUP_AWARE_GO:
        return None
    if any(path == _SETS_GOMAXPROCS for path, _ in analysis.build.dependencies):
        return None
    text = f"{version[0]} doesn't see CPU limits: set GOMAXPROCS to the limit, or build with Go 1.25 or newer."
    return Advice("cpu", text)
