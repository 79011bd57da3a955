"""User look-ups, ``/etc/passwd``. The file itself is in every image: it also tells runtimes the user's home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import is_glibc, linked, maybe, needed, not_needed, present, reads_go_names
from whit.packer.needs.model import Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "users"

_GO = ("os/user.Lookup", "os/user.Current", "os/user.lookupUser", "os/user.lookupUserId", "os/user.current")
_LIBC = (
    "getpwnam",
    "getpwnam_r",
    "getpwuid",
    "getpwuid_r",
    "getpwent",
    "__nss_passwd_lookup2",
    "__getpw_a",
)
_FILE = b"/etc/passwd"
_GLIBC_READER = "_nss_files_getpwnam_r"
"""It is linked for any of glibc's name services, with the path: which then says nothing of the program itself."""


def judge(analysis: Analysis) -> Need:
    """Whether the program looks users up. Stripped glibc: any name service drags all of them in."""
    if evidence := linked(analysis, _GO if reads_go_names(analysis) else _LIBC):
        return needed(NAME, "looks users up", evidence)
    if reads_go_names(analysis) or linked(analysis, (_GLIBC_READER,)):
        return not_needed(NAME, "no function that looks users up is linked")
    path = present(analysis, (_FILE,))
    if not path:
        return not_needed(NAME, "doesn't know /etc/passwd")
    if is_glibc(analysis) and not analysis.functions_known:
        return maybe(NAME, "uses glibc's name services, which may be for users", path)
    return needed(NAME, "reads /etc/passwd", path)


RULE = Rule(
    NAME, Wanted(frozenset((*_GO, *_LIBC, _GLIBC_READER)), frozenset((_FILE,))), judge, ("/etc/passwd", "/etc/shadow")
)
