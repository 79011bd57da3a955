"""Shell patterns in ``${x#p}``, ``${x%p}`` and ``${x/p/r}``: ``*``, ``?``, backslashes. Pure.

As BuildKit has them (frontend/dockerfile/shell: convertShellPatternToRegex), where they become regular expressions of
Go's, whose dot matches no newline. Here all states of a pattern are the bits of one number, so that no pattern takes
longer than its length times the text's, whatever its stars.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.problems import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPABLE = "*?\\"
_SILENT = "}/"
_NAME = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")
LONGEST = 1 << 16
"""Characters of a pattern."""


class Pattern:
    """One pattern, made to be matched. Raises Fault for an escape that escapes nothing."""

    __slots__ = ("_any", "_end", "_literals", "_loops")

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise Fault(f"a pattern of {len(text)} characters; at most {LONGEST} are taken")
        self._literals: dict[str, int] = {}
        self._any = self._loops = 0
        bit = 1
        for kind, char in _tokens(text):
            if kind == "*":
                self._loops |= bit
                continue
            if kind == "?":
                self._any |= bit
            else:
                self._literals[char] = self._literals.get(char, 0) | bit
            bit <<= 1
        self._end = bit

    def ends(self, text: str, start: int) -> Iterator[int]:
        """Where a match that begins at ``start`` may end, the shortest first."""
        states = 1
        for at in range(start, len(text) + 1):
            if states & self._end:
                yield at
            if not states or at == len(text):
                return
            states = self._step(states, text[at])

    def reached(self, text: str) -> list[int]:
        """Where any match ends, wherever it begins."""
        states, ends = 1, []
        for at, char in enumerate(text):
            if states & self._end:
                ends.append(at)
            states = self._step(states, char) | 1
        return [*ends, len(text)] if states & self._end else ends

    def _step(self, states: int, char: str) -> int:
        plain = char != "\n"
        takes = self._literals.get(char, 0) | (self._any if plain else 0)
        return (states & takes) << 1 | (states & self._loops if plain else 0)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """``*``, ``?`` or a character that stands for itself, in order."""
    at = 0
    text = text.removeprefix("\ufeff")
    while at < len(text):
        char = text[at]
        at += 1
        if char in "*?":
            yield char, char
            continue
        if char == "\\":
            following = text[at : at + 1]
            if following and following in _SILENT:
                continue
            if not following or following not in _ESCAPABLE:
                raise Fault(f"invalid escape '\\{following}' in a pattern", "a backslash escapes * ? \\ } and /")
            char = following
            at += 1
        yield "", char


def _reversed(pattern: str) -> str:
    """The pattern backwards, escapes still before what they escape."""
    parts, at = [], 0
    while at < len(pattern):
        size = 2 if pattern[at] == "\\" and at + 1 < len(pattern) else 1
        parts.append(pattern[at : at + size])
        at += size
    return "".join(reversed(parts))


def without_prefix(text: str, pattern: str, *, longest: bool) -> str:
    """``${text#pattern}``, and with ``longest`` ``${text##pattern}``."""
    ends = Pattern(pattern).ends(text, 0)
    end = max(ends, default=0) if longest else next(ends, 0)
    return text[end:]


def without_suffix(text: str, pattern: str, *, longest: bool) -> str:
    """``${text%pattern}``, and with ``longest`` ``${text%%pattern}``."""
    return without_prefix(text[::-1], _reversed(pattern), longest=longest)[::-1]


def replaced(text: str, pattern: str, replacement: str, most: int) -> str:
    """``${text/pattern/replacement}``: the first match, the longest there. Raises Fault beyond ``most`` characters."""
    for start, end in _matches(text, pattern):
        _require(len(text) + len(replacement), most)
        return text[:start] + replacement + text[end:]
    return text


def all_replaced(text: str, pattern: str, replacement: str, most: int) -> str:
    """``${text//pattern/replacement}``; ``$`` in the replacement is what Go's ``Regexp.Expand`` makes of it."""
    parts: list[str] = []
    copied = size = 0
    last = -1
    for start, end in _matches(text, pattern):
        if end <= last and start > 0:
            continue  # an empty match right after another one isn't one
        made = _expanded(replacement, text[start:end])
        parts += (text[copied:start], made)
        size += start - copied + len(made)
        _require(size, most)
        copied = last = end
    return "".join((*parts, text[copied:]))


def _require(size: int, most: int) -> None:
    if size > most:
        raise Fault(f"a replacement makes more than {most} characters")


def _matches(text: str, pattern: str) -> Iterator[tuple[int, int]]:
    """Leftmost and longest, none inside of another. Beginnings are found by the pattern backwards, all in one pass."""
    backwards = Pattern(_reversed(pattern)).reached(text[::-1])
    forwards = Pattern(pattern)
    at = 0
    for start in sorted(len(text) - end for end in backwards):
        if start < at:
            continue
        for at in forwards.ends(text, start):  # noqa: B007 - the last one is the longest
            pass
        yield start, at
        at = max(at, start + 1)


def _expanded(template: str, matched: str) -> str:
    def one(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return "$" if name is None else matched if name == "0" else ""

    return _NAME.sub(one, template)
