"""Temporary files. ``/tmp`` is in every image; the verdict tells whether it must be writable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import is_glibc, linked, maybe, needed, not_needed, present, reads_go_names
from whit.packer.needs.model import Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "temp"

_GO = ("os.CreateTemp", "os.MkdirTemp", "os.TempDir", "os.tempDir")
_LIBC = (
    "mkstemp",
    "mkstemp64",
    "mkstemps",
    "mkostemp",
    "mkostemps",
    "mkdtemp",
    "mktemp",
    "tmpfile",
    "tmpfile64",
    "tmpnam",
    "tempnam",
)
_PATHS = (b"/tmp/", b"\0/tmp\0")
_BARE = b"/tmp"
_VARIABLE = b"TMPDIR"


def _judge_glibc(analysis: Analysis) -> Need:
    if analysis.functions_known and analysis.language.name == "c":
        return not_needed(NAME, "no function that makes temporary files is linked")
    return maybe(NAME, "glibc always holds /tmp: whether the program uses it isn't known")


def judge(analysis: Analysis) -> Need:
    """Whether the program makes temporary files. glibc itself always holds ``/tmp`` and ``TMPDIR``.

    Other languages than C open files in /tmp without libc's help.
    """
    go = reads_go_names(analysis)
    if evidence := linked(analysis, _GO if go else _LIBC):
        return needed(NAME, "makes temporary files", evidence)
    if go:
        return not_needed(NAME, "makes no temporary files")
    if paths := present(analysis, _PATHS):
        return needed(NAME, "knows /tmp", paths)
    if is_glibc(analysis):
        return _judge_glibc(analysis)
    if paths := present(analysis, (_BARE, _VARIABLE)):
        return needed(NAME, "knows /tmp", paths)
    return not_needed(NAME, "doesn't know /tmp")


_PLACES = ("/tmp/", "/var/tmp/")  # noqa: S108 - places, not files

RULE = Rule(
    NAME,
    Wanted(frozenset((*_GO, *_LIBC)), frozenset((*_PATHS, _BARE, _VARIABLE)), immediates=frozenset((_BARE,))),
    judge,
    _PLACES,
)
