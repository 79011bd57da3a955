"""The user's home folder. Every image has one for its user, and runtimes set HOME from ``/etc/passwd``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.analysis import Wanted
from whit.packer.needs.facts import linked, maybe, needed, not_needed, present, reads_go_names
from whit.packer.needs.model import Need, Rule

if TYPE_CHECKING:
    from whit.packer.analysis import Analysis

NAME = "home"

_GO = ("os.UserHomeDir", "os.UserConfigDir", "os.UserCacheDir", "os/user.current", "os/user.Current")
_VARIABLE = b"\0HOME\0"
_DESKTOP = (b"XDG_CONFIG_HOME", b"XDG_CACHE_HOME", b"XDG_DATA_HOME")


def judge(analysis: Analysis) -> Need:
    """Whether the program asks where home is. Rust's strings have no ends, so there its crates' words must do."""
    if reads_go_names(analysis):
        if evidence := linked(analysis, _GO):
            return needed(NAME, "asks for the user's home folder", evidence)
        return not_needed(NAME, "doesn't ask for the user's home folder")
    if evidence := present(analysis, (_VARIABLE,)):
        return needed(NAME, "asks for HOME", evidence)
    if evidence := present(analysis, _DESKTOP):
        return maybe(NAME, "keeps configuration or caches in the user's home folder", evidence)
    return not_needed(NAME, "doesn't ask for HOME")


RULE = Rule(NAME, Wanted(frozenset(_GO), frozenset((_VARIABLE, *_DESKTOP))), judge, ("/home/", "/root/"))
