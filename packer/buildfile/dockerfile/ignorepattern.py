"""One pattern of .dockerignore. Pure.

As moby's patternmatcher compiles it (patternmatcher.go): most are compared as texts, the rest become regular
expressions of Go's, with what those make of a backslash before a letter. Patterns with many stars are matched by a
machine of their own, whose time grows with the path's length only.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from whit.packer.buildfile.dockerfile.problems import Fault

_MANY = 3
"""Stars from which on a regular expression may try too many ways."""

_CLASSES = "dDsSwW"
_CONTROL = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_GO_SPACE = "\t\n\f\r "


class Kind(StrEnum):
    """How a pattern is compared."""

    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    PIECES = "pieces"


class Piece(NamedTuple):
    """What a place in a path may be: a regular expression for one character, or for the stars; ``char`` is a plain one."""

    form: str
    is_star: bool = False
    char: str = ""


ONE = Piece("[^/]")
STAR = Piece("[^/]*", is_star=True)
FOLDERS = Piece("(?:.*/)?", is_star=True)
REST = Piece(".*", is_star=True)
BEGIN = Piece("^")


class IgnorePattern:
    """A pattern, cleaned and without its exclamation mark. Raises Fault for what isn't one."""

    __slots__ = ("_kind", "_machine", "is_exception", "text")

    def __init__(self, text: str, *, is_exception: bool = False) -> None:
        _check(text)
        self.text = text
        self.is_exception = is_exception
        self._kind, pieces = _compiled(text)
        self._machine: re.Pattern[str] | _Machine | None = None
        if self._kind is Kind.PIECES:
            many = sum(piece.is_star for piece in pieces) > _MANY
            whole = "".join(piece.form for piece in pieces)
            self._machine = _Machine(pieces) if many else re.compile(rf"(?:{whole})\Z", re.ASCII)

    def __repr__(self) -> str:
        return f"IgnorePattern({self.text!r}, is_exception={self.is_exception})"

    def matches(self, path: str) -> bool:
        """Whether this very path matches, whatever is above it."""
        if self._machine is not None:
            return bool(self._machine.match(path))
        if self._kind is Kind.PREFIX:
            return path.startswith(self.text[:-2])
        if self._kind is Kind.SUFFIX:
            ending = self.text[2:]
            return path.endswith(ending) or path == ending.removeprefix("/")
        return path == self.text

    def may_match_below(self, folder: str) -> bool:
        """Whether something in a folder may match; never wrong where it says no."""
        plain = re.split(r"[*?\[\\]", self.text, maxsplit=1)[0]
        below = f"{folder}/"
        return self.text.startswith(below) if plain == self.text else plain.startswith(below) or below.startswith(plain)


def _compiled(text: str) -> tuple[Kind, list[Piece]]:
    kind, pieces = Kind.EXACT, list[Piece]()
    at = 0
    while at < len(text):
        begin, char = at, text[at]
        at += 1
        if text.startswith("**", begin):
            at += 1 + text.startswith("/", at + 1)
            if at >= len(text):
                kind = Kind.PREFIX if kind is Kind.EXACT else Kind.PIECES
                pieces.append(REST)
            else:
                kind = Kind.PIECES
                pieces.append(FOLDERS)
            kind = kind if begin else Kind.SUFFIX
        elif char in "*?":
            kind = Kind.PIECES
            pieces.append(STAR if char == "*" else ONE)
        elif char == "[":
            kind = Kind.PIECES
            form, at = _class(text, begin)
            pieces.append(Piece(form))
        elif char == "\\":
            kind = Kind.PIECES
            pieces.append(_escaped(text[at]))
            at += 1
        else:
            kind = Kind.PIECES if char == "]" else kind
            pieces.append(BEGIN if char == "^" else _literal(char))
    return kind, pieces


def _escaped(char: str) -> Piece:
    """What Go's regular expressions make of a backslash and this character."""
    if char in _CLASSES:
        return Piece(_perl_class(char))
    if char in _CONTROL:
        return _literal(_CONTROL[char])
    return _literal(_plain(char))


def _literal(char: str) -> Piece:
    return Piece(re.escape(char), char=char)


def _plain(char: str) -> str:
    if not char.isascii() or char.isalnum():
        raise Fault(f"\\{char} is no escape in a pattern", f"write {char}")
    return char


def _perl_class(char: str) -> str:
    inner = {"d": "0-9", "s": re.escape(_GO_SPACE), "w": "0-9A-Za-z_"}[char.lower()]
    return f"[{'^' if char.isupper() else ''}{inner}]"


def _class(text: str, begin: int) -> tuple[str, int]:
    """``[a-z]`` from its bracket on, as a regular expression, and where it ends."""
    at = begin + 1
    negated = text.startswith("^", at)
    at += negated
    parts: list[str] = []
    while text[at] != "]" or not parts:
        if text[at] == "\\" and text[at + 1] in _CLASSES:
            parts.append(f"\\{text[at + 1]}")
            at += 2
            if text[at] == "-":
                raise Fault(f"a range in '{text}' begins with a class of characters")
            continue
        low, at = _member(text, at)
        if text[at] == "-":
            high, at = _member(text, at + 1)
            if high < low:
                raise Fault(f"the range {low}-{high} in '{text}' has its ends the wrong way round")
            parts.append(f"{re.escape(low)}-{re.escape(high)}")
        else:
            parts.append(re.escape(low))
    return f"[{'^' if negated else ''}{''.join(parts)}]", at + 1


def _member(text: str, at: int) -> tuple[str, int]:
    """One character of a class; its ends have been looked at before."""
    if text[at] == "\\":
        char = text[at + 1]
        return _CONTROL[char] if char in _CONTROL else _plain(char), at + 2
    if text[at] in "*?":
        raise Fault(f"'{text[at]}' in brackets, in '{text}'", f"write \\{text[at]}, without brackets")
    return text[at], at + 1


def _check(text: str) -> None:
    """Raises Fault where ``filepath.Match`` finds no pattern: a bracket or a backslash without what follows it."""
    at = 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            if at > len(text):
                raise Fault(f"'{text}' ends with a backslash")
        elif text[at] == "[":
            at = _after_class(text, at)
        else:
            at += 1


def _after_class(text: str, begin: int) -> int:
    at = begin + 1 + text.startswith("^", begin + 1)
    count = 0
    while not (count and text.startswith("]", at)):
        at = _after_member(text, at)
        if text.startswith("-", at):
            at = _after_member(text, at + 1)
        count += 1
    return at + 1


def _after_member(text: str, at: int) -> int:
    if at >= len(text) or text[at] in "-]":
        raise Fault(f"a bracket in '{text}' has no end, or nothing in it", "write \\[ for the character itself")
    at += 2 if text[at] == "\\" else 1
    if at >= len(text):
        raise Fault(f"a bracket in '{text}' has no end", "write \\[ for the character itself")
    return at


class _Machine:
    """All ways through a pattern at once: each place in it is a bit."""

    __slots__ = ("_begins", "_classes", "_end", "_folders", "_folders_entered", "_literals", "_rests", "_stars")

    def __init__(self, pieces: list[Piece]) -> None:
        self._classes: list[tuple[re.Pattern[str], int]] = []
        self._literals: dict[str, int] = {}
        self._stars = self._folders = self._folders_entered = self._rests = self._begins = 0
        bit = 1
        for piece in pieces:
            if piece is STAR:
                self._stars |= bit
            elif piece is REST:
                self._rests |= bit
            elif piece is FOLDERS:
                # Two places: before any folder, and in the midst of them.
                self._folders |= bit
                bit <<= 1
                self._folders_entered |= bit
            elif piece is BEGIN:
                self._begins |= bit
            elif piece.char:
                self._literals[piece.char] = self._literals.get(piece.char, 0) | bit
            else:
                self._classes.append((re.compile(piece.form), bit))
            bit <<= 1
        self._end = bit

    def match(self, path: str) -> bool:
        states = self._closed(1, is_begin=True)
        for char in path:
            plain = char != "\n"
            following = (states & self._literals.get(char, 0)) << 1
            for form, bit in self._classes:
                if states & bit and form.match(char):
                    following |= bit << 1
            if char != "/":
                following |= states & self._stars
            if plain:
                following |= states & (self._rests | self._folders_entered)
                following |= (states & self._folders) << 1
            if char == "/":
                following |= (states & self._folders) << 2 | (states & self._folders_entered) << 1
            states = self._closed(following, is_begin=False)
        return bool(states & self._end)

    def _closed(self, states: int, *, is_begin: bool) -> int:
        """With all places that are reached without a character."""
        while True:
            more = states | (states & (self._stars | self._rests)) << 1 | (states & self._folders) << 2
            if is_begin:
                more |= (states & self._begins) << 1
            if more == states:
                return states
            states = more
