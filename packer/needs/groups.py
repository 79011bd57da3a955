"""Group look-ups, ``/etc/group``. The file itself is in every image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import is_glibc, linked, maybe, needed, not_needed, present, reads_go_names
from whit.packer.needs.model import Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "groups"

_GO = (
    "os/user.LookupGroup",
    "os/user.LookupGroupId",
    "os/user.(*User).GroupIds",
    "os/user.lookupGroup",
    "os/user.lookupGroupId",
    "os/user.listGroups",
)
_LIBC = (
    "getgrnam",
    "getgrnam_r",
    "getgrgid",
    "getgrgid_r",
    "getgrent",
    "getgrouplist",
    "initgroups",
    "__nss_group_lookup2",
    "internal_getgrouplist",
    "__getgr_a",
)
_FILE = b"/etc/group"
_GLIBC_READER = "_nss_files_getgrnam_r"
"""It is linked for any of glibc's name services, with the path: which then says nothing of the program itself."""


def judge(analysis: Analysis) -> Need:
    """Whether the program looks groups up. Stripped glibc: any name service drags all of them in."""
    if evidence := linked(analysis, _GO if reads_go_names(analysis) else _LIBC):
        return needed(NAME, "looks groups up", evidence)
    if reads_go_names(analysis) or linked(analysis, (_GLIBC_READER,)):
        return not_needed(NAME, "no function that looks groups up is linked")
    path = present(analysis, (_FILE,))
    if not path:
        return not_needed(NAME, "doesn't know /etc/group")
    if is_glibc(analysis) and not analysis.functions_known:
        return maybe(NAME, "uses glibc's name services, which may be for groups", path)
    return needed(NAME, "reads /etc/group", path)


RULE = Rule(
    NAME, Wanted(frozenset((*_GO, *_LIBC, _GLIBC_READER)), frozenset((_FILE,))), judge, ("/etc/group", "/etc/gshadow")
)
