"""Libraries loaded while running. A static musl program can never load one; a static glibc one needs its own glibc."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import is_glibc, linked, maybe, needed, not_needed, present, reads_go_names
from whit.packer.needs.model import Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "dlopen"

_GO = ("plugin.Open", "plugin.open")
_LIBC = ("dlopen", "dlsym")
_NIM_LIBRARIES = (b"libssl.so(", b"libcrypto.so(", b"libpcre.so(", b"libsqlite3.so(")
_GLIBC_LOADER = b"invalid mode for dlopen"
_MUSL_REFUSAL = b"Dynamic loading not supported"
"""What the dlopen of a static musl always answers."""


def judge(analysis: Analysis) -> Need:
    """Whether the program loads libraries by itself."""
    if reads_go_names(analysis):
        if evidence := linked(analysis, _GO):
            return needed(NAME, "loads plug-ins", evidence)
        return not_needed(NAME, "loads no libraries")
    if evidence := present(analysis, _NIM_LIBRARIES):
        return needed(NAME, "Nim loads these libraries while it runs", evidence)
    evidence = linked(analysis, _LIBC) + present(analysis, (_MUSL_REFUSAL,))
    if is_glibc(analysis):
        evidence += present(analysis, (_GLIBC_LOADER,))
        return maybe(NAME, "glibc always carries this code: whether the program uses it isn't known", evidence)
    if evidence:
        return needed(NAME, "loads libraries while it runs", evidence)
    return not_needed(NAME, "loads no libraries")


RULE = Rule(NAME, Wanted(frozenset((*_GO, *_LIBC)), frozenset((*_NIM_LIBRARIES, _GLIBC_LOADER, _MUSL_REFUSAL))), judge)
