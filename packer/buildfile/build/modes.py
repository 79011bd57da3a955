"""``--chmod``: octal, or as chmod(1) takes it (POSIX, chmod, "The symbolic mode"). Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CLAUSE = re.compile(r"(?P<who>[ugoa]*)(?P<actions>(?:[-+=][rwxXstugo]*)+)", re.ASCII)
_ACTION = re.compile(r"([-+=])([rwxXstugo]*)", re.ASCII)
_SHIFT = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 4, "w": 2, "x": 1}
_SPECIAL = {"u": 0o4000, "g": 0o2000, "o": 0o1000}
"""Set-user-id, set-group-id, and sticky, which is the others'."""

Change = "Callable[[int, bool], int]"


def parse_mode(text: str) -> Callable[[int, bool], int]:
    """A function of a file's mode, and whether it is a folder, to its new mode. The text has been checked before."""
    if text[0].isdigit():
        octal = int(text, 8)
        return lambda _mode, _is_folder: octal
    clauses = [match for part in text.split(",") if (match := _CLAUSE.fullmatch(part))]

    def change(mode: int, is_folder: bool) -> int:  # noqa: FBT001 - as its callers have it
        for clause in clauses:
            who = clause["who"].replace("a", "ugo") or "ugo"
            for operator, letters in _ACTION.findall(clause["actions"]):
                mode = _acted(mode, operator, _wanted(mode, who, letters, is_folder=is_folder), who)
        return mode

    return change


def _wanted(mode: int, who: str, letters: str, *, is_folder: bool) -> int:
    """The bits that the letters mean for these users."""
    bits = 0
    for letter in letters:
        for user in set(who):
            if letter in _BITS:
                bits |= _BITS[letter] << _SHIFT[user]
            elif letter == "X":
                bits |= (1 << _SHIFT[user]) if is_folder or mode & 0o111 else 0
            elif letter in "st":
                bits |= _SPECIAL[user] if (user == "o") == (letter == "t") else 0
            elif letter in _SHIFT:
                bits |= (mode >> _SHIFT[letter] & 7) << _SHIFT[user]
    return bits


def _acted(mode: int, operator: str, bits: int, who: str) -> int:
    if operator == "+":
        return mode | bits
    if operator == "-":
        return mode & ~bits
    kept = mode
    for user in set(who):
        kept &= ~(7 << _SHIFT[user] | _SPECIAL[user])
    return kept | bits
