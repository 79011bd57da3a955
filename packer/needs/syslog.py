"""The system log's socket, ``/dev/log``: only a host can give it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import linked, maybe, not_needed, present, reads_go_names
from whit.packer.needs.model import Grade, Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "syslog"

_GO = ("log/syslog.unixSyslog", "log/syslog.New", "log/syslog.Dial")
_LIBC = ("syslog", "vsyslog", "openlog")
_SOCKET = b"/dev/log"


def judge(analysis: Analysis) -> Need:
    """Whether the program writes to the system log."""
    evidence = linked(analysis, _GO if reads_go_names(analysis) else _LIBC)
    if not reads_go_names(analysis):
        evidence += present(analysis, (_SOCKET,))
    if evidence:
        return maybe(NAME, "can write to the system log, which an image doesn't have", evidence, Grade.LINKED)
    return not_needed(NAME, "doesn't know the system log")


RULE = Rule(
    NAME,
    Wanted(frozenset((*_GO, *_LIBC)), frozenset((_SOCKET,))),
    judge,
    ("/dev/log", "/var/run/syslog", "/var/run/log"),
)
