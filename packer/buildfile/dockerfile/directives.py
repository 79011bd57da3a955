"""Parser directives: the comments at a Dockerfile's beginning that say how it is read (``syntax``, ``escape``, ``check``). Pure.

Docker's Dockerfile reference, "Parser directives". They end with the first line that is none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.buildfile.dockerfile.text import SPACE
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

KNOWN = ("syntax", "escape", "check")
ESCAPES = ("\\", "`")
BYTE_ORDER_MARK = "\ufeff"

_FORM = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+?)[\t\n\f\r ]*", re.ASCII)
_OURS = re.compile(r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Directive:
    """One of them: its name in lower case, its value, its line (from 1)."""

    name: str
    value: str
    line: int


class DirectiveReader:
    """Takes the file's lines one after the other, for as long as they are directives."""

    __slots__ = ("_is_over", "_mark", "_seen", "line")

    def __init__(self, mark: str = "#") -> None:
        self._mark = mark
        self._seen: set[str] = set()
        self._is_over = False
        self.line = 0

    def read(self, line: str) -> Directive | None:
        """The directive of this line; None if it has none, and then for all that follow. Raises Fault for a second of one name."""
        self.line += 1
        if self._is_over or not line.startswith(self._mark):
            self._is_over = True
            return None
        match = _FORM.fullmatch(line.removeprefix(self._mark).lstrip(SPACE))
        if match is None or match[1].lower() not in KNOWN:
            self._is_over = True
            return None
        name = match[1].lower()
        if name in self._seen:
            raise Fault(f"a second parser directive '{name}'", "each may be given once, before all else")
        self._seen.add(name)
        return Directive(name, match[2], self.line)


def leading_directives(lines: Iterable[str]) -> dict[str, Directive]:
    """Those of a whole file by name, as its builder finds them before it is parsed: a ``#!`` line may come first."""
    reader = DirectiveReader()
    found: dict[str, Directive] = {}
    for number, line in enumerate(lines, 1):
        if number == 1 and line.startswith("#!"):
            reader.line = 1
            continue
        try:
            directive = reader.read(line.rstrip("\r\n"))
        except Fault:
            break
        if directive is None:
            break
        found[directive.name] = directive
    return found


def check_syntax(value: str) -> None:
    """Raises Fault for a language that isn't Docker's own: what another frontend does, only that frontend knows."""
    if not _OURS.fullmatch(value.partition(" ")[0]):
        raise Fault(
            f"'# syntax={value}' asks for another frontend than Docker's own",
            "whit reads docker/dockerfile by itself, and runs no frontend's image",
        )


def check_escape(value: str) -> str:
    """The escape character. Raises Fault."""
    if value not in ESCAPES:
        raise Fault(f"'# escape={value}' is neither \\ nor `")
    return value
