"""Descriptions of terminals (terminfo): full-screen programs look for them; most carry the common ones inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import maybe, not_needed, present
from whit.packer.needs.model import Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "term"

_FOLDERS = (b"/usr/share/terminfo", b"/lib/terminfo", b"/etc/terminfo")


def judge(analysis: Analysis) -> Need:
    """Whether the program looks for terminals' descriptions."""
    if evidence := present(analysis, _FOLDERS):
        return maybe(NAME, "looks for the terminal's description when it draws a full screen", evidence)
    return not_needed(NAME, "doesn't look for terminals' descriptions")


RULE = Rule(
    NAME,
    Wanted(always=frozenset(_FOLDERS)),
    judge,
    ("/etc/terminfo/", "/lib/terminfo/", "/usr/share/terminfo/", "/usr/lib/terminfo/", "/etc/termcap"),
)
