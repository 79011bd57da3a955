""".dockerignore: which files of the context a build doesn't see. Pure.

As moby's patternmatcher has it: Go's ``filepath.Match`` and ``**``, in order, ``!`` for exceptions; what matches a folder
matches all that is in it. ``Dockerfile.dockerignore`` beside a Dockerfile of any name comes before ``.dockerignore`` of
the context (:func:`ignore_files`).
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.ignorepattern import IgnorePattern
from whit.packer.buildfile.dockerfile.problems import DockerfileError, Fault, Place, at
from whit.packer.buildfile.dockerfile.text import SPACE
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 1 << 20
"""Bytes of the file."""

LONGEST_LINE = (1 << 16) - 1
_COMMON = ".dockerignore"


@dataclass(frozen=True, slots=True)
class Matched:
    """What a folder matched, for what is in it: one bit a pattern."""

    bits: int = 0


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The file's patterns in order."""

    patterns: tuple[IgnorePattern, ...] = ()

    @property
    def has_exceptions(self) -> bool:
        """Whether any pattern begins with ``!``."""
        return any(pattern.is_exception for pattern in self.patterns)

    def ignores(self, path: str) -> bool:
        """Whether one path is ignored; it is relative to the context, without ``.`` and ``..`` in it.

        For a walk there is :meth:`step`. The two differ where an exception stands for a folder that nothing ignored:
        ``*/x`` and ``!*`` keep ``a/x`` here and don't there, in moby as here.
        """
        parents = tuple(_parents(path))
        ignored = False
        for pattern in self.patterns:
            # A pattern that could only say again what is so already isn't asked.
            if pattern.is_exception == ignored and (pattern.matches(path) or any(map(pattern.matches, parents))):
                ignored = not pattern.is_exception
        return ignored

    def step(self, path: str, above: Matched) -> tuple[bool, Matched]:
        """Whether a walk from the top passes a path over, with what the folder above it matched: as BuildKit sends a context."""
        ignored, bits = False, 0
        for number, pattern in enumerate(self.patterns):
            matches = bool(above.bits >> number & 1)
            if not matches and pattern.is_exception == ignored:
                matches = pattern.matches(path)
            if matches:
                bits |= 1 << number
                ignored = not pattern.is_exception
        return ignored, Matched(bits)

    def may_keep_below(self, folder: str) -> bool:
        """Whether an exception may stand for something in an ignored folder; if none can, nobody need look into it."""
        return any(pattern.is_exception and pattern.may_match_below(folder) for pattern in self.patterns)

    @property
    def ignores_all(self) -> bool:
        """Whether a pattern stands for all that is at the top."""
        return any(one.text in ("*", "**", "**/*") and not one.is_exception for one in self.patterns)


def ignore_files(dockerfile: str) -> tuple[str, ...]:
    """The files that may hold the rules, the first that is there holds them: beside the Dockerfile, or in the context."""
    return f"{dockerfile}{_COMMON}", _COMMON


def parse_ignore_file(data: bytes, file: str = _COMMON) -> IgnoreRules:
    """The rules. Raises :class:`DockerfileError` with the line."""
    if len(data) > LARGEST:
        raise DockerfileError(Place(file, 1, 1), f"the file has {len(data)} bytes; at most {LARGEST} are read")
    text = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    patterns = []
    for number, line in enumerate(text.split("\n"), 1):
        place = Place(file, number, number)
        if len(line) > LONGEST_LINE:
            raise DockerfileError(place, f"a line of more than {LONGEST_LINE} characters")
        pattern = "" if line.startswith("#") else line.strip(SPACE)
        if pattern:
            with at(place):
                patterns.append(_pattern(pattern))
    return IgnoreRules(tuple(patterns))


def _pattern(text: str) -> IgnorePattern:
    is_exception = text.startswith("!")
    bare = text.removeprefix("!").strip(SPACE)
    if not bare:
        raise Fault("an exception without a pattern", "as in !README.md")
    cleaned = clean(bare)
    if len(cleaned) > 1:
        cleaned = cleaned.removeprefix("/")
    # What reads the file and what matches paths each clean the text: a mark behind a slash comes out as one.
    again = clean(f"{'!' if is_exception else ''}{cleaned}".strip(SPACE))
    if again == "!":
        raise Fault("an exception without a pattern", "as in !README.md")
    return IgnorePattern(again.removeprefix("!"), is_exception=again.startswith("!"))


def clean(path: str) -> str:
    """``filepath.Clean``: without doubled slashes, ``.`` and what ``..`` takes back."""
    normal = posixpath.normpath(path)
    return normal[1:] if normal.startswith("//") else normal


def _parents(path: str) -> Iterator[str]:
    """The folders above a path, the highest first."""
    at_slash = path.find("/")
    while at_slash >= 0:
        yield path[:at_slash]
        at_slash = path.find("/", at_slash + 1)
