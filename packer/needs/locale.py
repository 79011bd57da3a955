"""Locales: a static glibc always carries the code that loads them, so only a call from outside it would tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import is_glibc, linked, maybe, not_needed, present, reads_go_names
from whit.packer.needs.model import Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "locale"

_GLIBC_FOLDER = b"/usr/lib/locale"
_MUSL_VARIABLE = b"MUSL_LOCPATH"
_LIBC = ("setlocale", "newlocale")
UNIVERSAL = (b"C.UTF-8", b"C.utf8")
"""The C locale's sorting and words, but UTF-8 text: what programs ask for that can't work with ASCII alone."""


def judge(analysis: Analysis) -> Need:
    """Whether the program may load a locale. Without one, both libcs go on in the C locale."""
    if reads_go_names(analysis):
        return not_needed(NAME, "Go has no locales")
    if is_glibc(analysis):
        evidence = linked(analysis, _LIBC) + present(analysis, (_GLIBC_FOLDER,))
        return maybe(NAME, "glibc always carries this code: whether the program uses it isn't known", evidence)
    if evidence := present(analysis, (_MUSL_VARIABLE,)):
        return maybe(NAME, "translates messages if MUSL_LOCPATH is set", evidence)
    return not_needed(NAME, "sets no locale")


RULE = Rule(
    NAME,
    Wanted(frozenset(_LIBC), frozenset((_GLIBC_FOLDER, _MUSL_VARIABLE, *UNIVERSAL))),
    judge,
    ("/usr/lib/locale/", "/usr/share/locale/", "/usr/share/i18n/"),
)
