"""Libraries that a Nim program loads as it starts, for procedures imported with ``{.dynlib.}``. Pure.

Without them it says "could not load" and ends before its first line (Nim manual, "Dynlib pragma for import"). The names
stand in the program as string literals, with alternatives in parentheses that are tried from the left:
``libssl.so(.3|.1.1|)``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.packer.support.search import Data

_LITERAL = re.compile(rb"@(lib[\w+.-]{1,64}(?:\([\w.|-]{0,256}\)[\w+.-]{0,32}){0,3})\0")
"""The byte before a literal is the top of its size, where Nim sets the flag of literals (NIM_STRLIT_FLAG): 0x40."""

_MAX_PATTERNS = 256
_MAX_NAMES = 64


def patterns(data: Data) -> tuple[tuple[str, ...], ...]:
    """For each library the names to try, in order; the names that Nim has made from a pattern are in it alone."""
    texts = list(dict.fromkeys(match[1].decode("ascii") for match in _LITERAL.finditer(data) if b".so" in match[1]))
    several = [expanded(text) for text in texts[:_MAX_PATTERNS] if "(" in text]
    known = {name for names in several for name in names}
    single = [(text,) for text in texts[:_MAX_PATTERNS] if "(" not in text and text not in known]
    return (*several, *single)


def expanded(pattern: str) -> tuple[str, ...]:
    """A pattern's names, in the order in which Nim tries them (lib/system/dyncalls.nim, libCandidates in std/dynlib)."""
    names = [pattern]
    while any("(" in name for name in names) and len(names) <= _MAX_NAMES:
        names = [each for name in names for each in _first_group(name)]
    return tuple(names[:_MAX_NAMES])


def _first_group(name: str) -> list[str]:
    before, opened, rest = name.partition("(")
    if not opened:
        return [name]
    choices, _, after = rest.partition(")")
    return [f"{before}{choice}{after}" for choice in choices.split("|")]
