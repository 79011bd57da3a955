"""Where something stands in a Dockerfile, and what is wrong there. Pure."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NEAR = 3


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Lines of a file, counted from 1; both ends belong to it."""

    file: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.file}:{self.first}"


class Fault(Exception):  # noqa: N818 - what is wrong with a text, before it is known where that stands
    """What is wrong and what to do about it, raised by what reads a piece of a line; :func:`at` says where."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class DockerfileError(InvalidFileError):
    """A Dockerfile isn't what it should be; ``place`` says where."""

    def __init__(self, place: Place, message: str, hint: str | None = None) -> None:
        super().__init__(f"{place}: {message}", hint=hint)
        self.place = place


@contextmanager
def at(place: Place) -> Iterator[None]:
    """What goes wrong in it, went wrong there."""
    try:
        yield
    except Fault as fault:
        raise DockerfileError(place, fault.message, fault.hint) from None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The word that was probably meant: the first of those that are at most two changes away; None without one.

    As BuildKit suggests it (util/suggest): an exact match means that the word wasn't what was wrong.
    """
    best, least = None, _NEAR
    for candidate in known:
        if candidate == word:
            return None
        if abs(len(candidate) - len(word)) < least:
            changes = _distance(word, candidate)
            if changes < least:
                best, least = candidate, changes
    return best


def did_you_mean(word: str, known: Iterable[str], prefix: str = "") -> str | None:
    """A hint of the nearest word; None without one."""
    near = nearest(word, known)
    return f"did you mean {prefix}{near}?" if near else None


def _distance(one: str, other: str) -> int:
    """Levenshtein's: insertions, deletions and replacements."""
    row = list(range(len(other) + 1))
    for number, char in enumerate(one, 1):
        diagonal, row[0] = row[0], number
        for place, another in enumerate(other, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (char != another))
    return row[-1]
