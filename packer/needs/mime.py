"""MIME types by file name, ``/etc/mime.types``: without it a file server sends most files as unknown bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import linked, needed, not_needed, present, reads_go_names
from whit.packer.needs.model import Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "mime"

_GO = ("mime.TypeByExtension", "mime.ExtensionsByType")
_FILE = b"/etc/mime.types"


def judge(analysis: Analysis) -> Need:
    """Whether the program asks for types by extension. (Go's reader of the file is linked into every web server.)"""
    if reads_go_names(analysis):
        if evidence := linked(analysis, _GO):
            return needed(NAME, "finds MIME types by file name", evidence)
        return not_needed(NAME, "no function that finds MIME types by file name is linked")
    if path := present(analysis, (_FILE,)):
        return needed(NAME, "reads /etc/mime.types", path)
    return not_needed(NAME, "doesn't know /etc/mime.types")


RULE = Rule(
    NAME,
    Wanted(frozenset(_GO), frozenset((_FILE,))),
    judge,
    (
        "/etc/mime.types",
        "/etc/apache2/mime.types",
        "/etc/apache/mime.types",
        "/usr/share/mime/",
        "/usr/local/share/mime/",
    ),
)
