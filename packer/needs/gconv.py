"""Converters between character sets, which glibc's iconv loads from files; musl has its own inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import is_glibc, linked, maybe, not_needed, present, reads_go_names
from whit.packer.needs.model import Grade, Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "gconv"

_LIBC = ("iconv_open",)
_FILE = b"gconv-modules"


def judge(analysis: Analysis) -> Need:
    """Whether the program converts by iconv. A static glibc converts UTF-8, UTF-16, UTF-32 and ASCII without files."""
    if reads_go_names(analysis):
        return not_needed(NAME, "Go converts by itself")
    if not is_glibc(analysis):
        return not_needed(NAME, "nothing but glibc loads converters from files")
    if evidence := linked(analysis, _LIBC):
        return maybe(NAME, "converts text by iconv; other sets than Unicode need files", evidence, Grade.LINKED)
    if analysis.functions_known:
        return not_needed(NAME, "iconv isn't linked")
    path = present(analysis, (_FILE,))
    return maybe(NAME, "glibc always carries this code: whether the program uses it isn't known", path)


RULE = Rule(NAME, Wanted(frozenset(_LIBC), frozenset((_FILE,))), judge)
