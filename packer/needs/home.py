"""The user's home folder. Every image has one for its user, and runtimes set HOME from ``/etc/passwd``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import linked, needed, not_needed, present, reads_go_names
from whit.packer.needs.model import Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "home"

_GO = ("os.UserHomeDir", "os.UserConfigDir", "os.UserCacheDir", "os/user.current", "os/user.Current")
_VARIABLE = b"HOME"
_DESKTOP = (b"XDG_CONFIG_HOME", b"XDG_CACHE_HOME", b"XDG_DATA_HOME")


def judge(analysis: Analysis) -> Need:
    """Whether the program asks where home is. The word is in other variables' names too, which costs nothing."""
    if reads_go_names(analysis):
        if evidence := linked(analysis, _GO):
            return needed(NAME, "asks for the user's home folder", evidence)
        return not_needed(NAME, "doesn't ask for the user's home folder")
    if evidence := present(analysis, (_VARIABLE, *_DESKTOP)):
        return needed(NAME, "asks for HOME", evidence)
    return not_needed(NAME, "doesn't ask for HOME")


RULE = Rule(
    NAME,
    Wanted(frozenset(_GO), frozenset((_VARIABLE, *_DESKTOP)), immediates=frozenset((_VARIABLE,))),
    judge,
    ("/home/", "/root/"),
)
