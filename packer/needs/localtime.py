"""The local time zone, ``/etc/localtime``: a container's is UTC unless someone says otherwise, so no file is packed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import linked, maybe, not_needed, present, reads_go_names
from whit.packer.needs.model import Grade, Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "localtime"

_GO_LOADS = "time.initLocal"
_FILE = b"/etc/localtime"


def judge(analysis: Analysis) -> Need:
    """Whether the program shows times in the local zone."""
    by_name = reads_go_names(analysis)
    evidence = linked(analysis, (_GO_LOADS,)) if by_name else present(analysis, (_FILE,))
    if not evidence:
        return not_needed(NAME, "never looks at the local time zone")
    return maybe(NAME, "uses local time, which is UTC unless /etc/localtime is mounted", evidence, Grade.LINKED)


RULE = Rule(NAME, Wanted(frozenset((_GO_LOADS,)), frozenset((_FILE,))), judge, ("/etc/localtime", "/etc/timezone"))
