"""The time zone database: needed by programs that load zones by name.

Go: ``time.LoadLocation``, unless ``time/tzdata`` is linked in. Others: every libc's ``localtime`` carries the path and
reads zones only when TZ is set, so the path alone is "maybe"; a zone's name in the file makes it "needed".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import called, linked, maybe, needed, not_needed, present, reads_go_names
from whit.packer.needs.model import Grade, Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "zones"

_GO_LOADS = "time.LoadLocation"
_GO_EMBEDDED = ("time.registerLoadFromEmbeddedTZData",)
_FOLDER = b"/usr/share/zoneinfo"
_MAGIC = b"TZif"
_ZONE = re.compile(r"\A[A-Za-z_]+(?:/[\w+-]+)*\Z")
_ZONE_NAMES = (b"Europe/", b"America/", b"Asia/", b"Africa/", b"Australia/", b"Pacific/", b"Atlantic/")
_COMMON_NAMES = (b"Europe/", b"America/", b"Asia/")
"""Looked for in instructions too, where compilers write names of zones in parts."""


def _judge_go(analysis: Analysis) -> Need:
    loads, embedded = linked(analysis, (_GO_LOADS,)), linked(analysis, _GO_EMBEDDED)
    if not loads:
        return not_needed(NAME, "loads no time zone by name")
    if embedded:
        return not_needed(NAME, "brings the time zone database with it (time/tzdata)", embedded, Grade.EMBEDDED)
    if names := called(analysis, {_GO_LOADS: 0}, _ZONE):
        return needed(NAME, "loads time zones by name", names + loads, Grade.CALLED)
    return needed(NAME, "loads time zones by name", loads)


def _judge_native(analysis: Analysis) -> Need:
    folder, names = present(analysis, (_FOLDER,)), present(analysis, _ZONE_NAMES)
    if not folder:
        return not_needed(NAME, "doesn't know where the time zone database is")
    if names:
        return needed(NAME, "knows the time zone database and names of zones", folder + names[:2])
    return maybe(NAME, "reads a time zone only when TZ is set", folder + present(analysis, (_MAGIC,)))


def judge(analysis: Analysis) -> Need:
    """Whether the program loads time zones by their names."""
    return _judge_go(analysis) if reads_go_names(analysis) else _judge_native(analysis)


RULE = Rule(
    NAME,
    Wanted(
        frozenset((_GO_LOADS, *_GO_EMBEDDED)),
        frozenset((_FOLDER, _MAGIC, *_ZONE_NAMES)),
        arguments=frozenset((_GO_LOADS,)),
        companions=((_FOLDER, frozenset(_COMMON_NAMES)),),
    ),
    judge,
    ("/usr/share/zoneinfo/", "/usr/share/lib/zoneinfo/", "/usr/lib/locale/TZ/", "/etc/zoneinfo/"),
)
