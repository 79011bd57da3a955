"""Which of two versions is the later one: by Semantic Versioning (Go, Rust), by dpkg's order, by apk's. Pure.

Each order is a function from a text to a key that can be compared with others of its kind, or None where the text is no
version by its rules: then nothing can be said of it.
"""

from __future__ import annotations

import re
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LENGTH = 300
"""Characters of a version that are looked at; longer ones are none."""

Key = Any
"""Something that can be compared with its like."""


def order_of(ecosystem: str) -> Callable[[str], Key | None] | None:
    """The order of an ecosystem's versions (OSV's names, without a release); None for one that isn't known here."""
    return _ORDERS.get(ecosystem.partition(":")[0])


# Semantic Versioning 2.0.0, 11.

_SEMVER = re.compile(
    r"v?(?P<core>[0-9]{1,40}(?:\.[0-9]{1,40}){0,2})(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]*)?"
)
_GO = re.compile(r"(?P<core>[0-9]+\.[0-9]+)(?P<kind>rc|beta)(?P<number>[0-9]+)")


def semver(text: str) -> Key | None:
    """``1.2.3-rc.1``; a ``v`` before it, and a build's name after ``+``, don't count. Go's pseudo-versions are such.

    Go's own versions have a form of their own (``1.22rc1``).
    """
    if len(text) > MAX_LENGTH:
        return None
    if own := _GO.fullmatch(text):
        text = f"{own['core']}.0-{own['kind']}.{own['number']}"
    match = _SEMVER.fullmatch(text)
    if match is None:
        return None
    numbers = [int(part) for part in match["core"].split(".")]
    numbers += [0] * (3 - len(numbers))
    if match["pre"] is None:
        return (*numbers, 1, ())
    # A number is before any word.
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in match["pre"].split("."))
    return (*numbers, 0, parts)


# Debian: deb-version(7).

_DEBIAN = re.compile(r"(?:(?P<epoch>[0-9]{1,10}):)?(?P<upstream>[0-9A-Za-z.+~-]+?)(?:-(?P<revision>[0-9A-Za-z.+~]+))?")


def dpkg(text: str) -> Key | None:
    """``[EPOCH:]UPSTREAM[-REVISION]``."""
    match = _DEBIAN.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if match is None:
        return None
    return int(match["epoch"] or 0), _debian_part(match["upstream"]), _debian_part(match["revision"] or "0")


def _debian_part(text: str) -> Key:
    """Texts and numbers by turns, beginning with a text; what ends sooner comes first, but after ``~``."""
    found: list[Key] = []
    for words, digits in re.findall(r"([^0-9]*)([0-9]*)", text):
        found.append((*(_debian_rank(letter) for letter in words), 0))
        found.append(int(digits or 0))
    return tuple(found)


def _debian_rank(letter: str) -> int:
    """``~`` before the end (0), the end before letters, letters before all else."""
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256


# Alpine: apk-tools, doc/apk-package.5.

_SUFFIXES = ("alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p")
_NONE = _SUFFIXES.index("")
_APK = re.compile(
    r"(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?P<letter>[a-z])?(?P<suffixes>(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)"
    r"(?:~(?P<hash>[0-9a-f]+))?(?:-r(?P<revision>[0-9]+))?"
)
_FIRST, _NUMBER, _LETTER, _SUFFIX, _SUFFIX_NUMBER, _HASH, _REVISION, _END = range(8)


def apk(text: str) -> Key | None:
    """``1.2.3b_rc1~0123abc-r4``."""
    match = _APK.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if match is None:
        return None
    first, *numbers = match["numbers"].split(".")
    tokens = [(_FIRST, first), *((_NUMBER, number) for number in numbers)]
    if match["letter"]:
        tokens.append((_LETTER, match["letter"]))
    for suffix, number in re.findall(r"_([a-z]+)([0-9]*)", match["suffixes"]):
        tokens.append((_SUFFIX, suffix))
        if number:
            tokens.append((_SUFFIX_NUMBER, number))
    if match["hash"]:
        tokens.append((_HASH, match["hash"]))
    if match["revision"]:
        tokens.append((_REVISION, match["revision"]))
    return _apk_key([*tokens, (_END, "")])


def _compare_apk(one: list[tuple[int, str]], other: list[tuple[int, str]]) -> int:
    """Token by token; where the kinds differ, a suffix like ``_rc`` is before all, and what goes on is after what ends."""
    for (kind, text), (other_kind, other_text) in zip(one, other, strict=False):
        if kind == other_kind:
            found = _compare_tokens(kind, text, other_text)
            if found:
                return found
            continue
        if kind == _SUFFIX and _SUFFIXES.index(text) < _NONE:
            return -1
        if other_kind == _SUFFIX and _SUFFIXES.index(other_text) < _NONE:
            return 1
        return other_kind - kind
    return 0


def _compare_tokens(kind: int, one: str, other: str) -> int:
    if kind == _END:
        return 0
    if kind == _SUFFIX:
        return _SUFFIXES.index(one) - _SUFFIXES.index(other)
    # 1.05 is before 1.1, as in a decimal fraction.
    is_text = kind in {_LETTER, _HASH} or (kind == _NUMBER and "0" in {one[0], other[0]})
    if is_text:
        return (one > other) - (one < other)
    return (int(one) > int(other)) - (int(one) < int(other))


_apk_key = cmp_to_key(_compare_apk)


_ORDERS: dict[str, Callable[[str], Key | None]] = {"Go": semver, "crates.io": semver, "Debian": dpkg, "Alpine": apk}
