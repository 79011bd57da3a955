"""A Dockerfile's bytes → its logical lines: continuations joined, comments and here-documents taken out. Pure.

As BuildKit's parser does it (frontend/dockerfile/parser/parser.go); each line remembers where it stood.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.directives import (
    BYTE_ORDER_MARK,
    Directive,
    DirectiveReader,
    check_escape,
)
from whit.packer.buildfile.dockerfile.problems import DockerfileError, Fault, Place, at
from whit.packer.buildfile.dockerfile.splitting import json_words, split_line
from whit.packer.buildfile.dockerfile.text import SPACE
from whit.packer.buildfile.dockerfile.words import Reading, expand
from whit.packer.support.light import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 4 << 20
"""Bytes of a Dockerfile."""

LONGEST_LINE = (1 << 16) - 1
"""Bytes of one of its lines: BuildKit's limit."""

MOST_LINES = 5_000
"""Logical lines, that is instructions."""

_HERE = re.compile(r"([0-9]*)<<(-?)[\t\n\f\r ]*([^<]*)", re.ASCII)
_LEADING_TABS = re.compile(r"^\t+", re.MULTILINE)
_WITH_HERE = frozenset(("add", "copy", "run"))
_MARKED = Reading(raw_quotes=True, raw_escapes=True, keep_unset=True)
_NAMED = Reading(keep_unset=True)
_NAMED_RAW = Reading(raw_quotes=True, keep_unset=True)


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document. ``content`` is as it stands in the file; ``text`` is what it means."""

    name: str
    content: str
    expands: bool
    strips_tabs: bool

    @property
    def text(self) -> str:
        """Its content, without the tabs before each line where ``<<-`` asks for that."""
        return _LEADING_TABS.sub("", self.content) if self.strips_tabs else self.content


@dataclass(frozen=True, slots=True)
class Line:
    """One instruction's text, the comments right before it, and its here-documents."""

    place: Place
    text: str
    comments: tuple[str, ...]
    heredocs: tuple[Heredoc, ...]


@dataclass(frozen=True, slots=True)
class Lexed:
    """A whole file. ``empty_continuations`` are the ends of instructions with an empty line in them."""

    lines: tuple[Line, ...]
    directives: tuple[Directive, ...]
    escape: str
    empty_continuations: tuple[Place, ...]


def lex(data: bytes, file: str = "Dockerfile") -> Lexed:
    """The lines of a Dockerfile. Raises :class:`DockerfileError`."""
    whole = Place(file, 1, 1)
    if len(data) > LARGEST:
        raise DockerfileError(whole, f"the file has {len(data)} bytes; at most {LARGEST} are read")
    lexer = _Lexer(data, file)
    lines = tuple(lexer.lines())
    if not lines:
        raise DockerfileError(whole, "the file has no instructions", "a Dockerfile begins with FROM")
    return Lexed(lines, tuple(lexer.directives), lexer.escape, tuple(lexer.empty_continuations))


def heredoc_of(word: str) -> Heredoc | None:
    """The here-document that a word announces, still without content; None for any other word. Raises Fault.

    A quoted name means that variables in the content stay as they are: with quotes it reads otherwise than without.
    """
    match = _HERE.fullmatch(word)
    if match is None or not match[3]:
        return None
    words = expand(match[3], {}, _NAMED).words
    if len(words) != 1:
        return None
    raw = expand(match[3], {}, _NAMED_RAW).words
    quotes = [text.count("'") + text.count('"') for text in (words[0], *raw[:1])]
    return Heredoc(words[0], "", len(raw) == 1 and quotes[0] == quotes[1], match[2] == "-")


class _Lexer:
    def __init__(self, data: bytes, file: str) -> None:
        # Bytes that aren't UTF-8 may stand in comments: instructions are looked at when they are whole.
        text = data.decode("utf-8", "surrogateescape").removeprefix(BYTE_ORDER_MARK)
        self._raw: list[str] = re.findall(r"[^\n]*\n|[^\n]+", text)
        self._at = 0
        self._file = file
        self._reader = DirectiveReader()
        self._continued = _continuation("\\")
        self.escape = "\\"
        self.directives: list[Directive] = []
        self.empty_continuations: list[Place] = []

    def lines(self) -> Iterator[Line]:
        comments: list[str] = []
        count = 0
        while self._at < len(self._raw):
            first = self._take()
            stripped = first.rstrip("\r\n").lstrip(SPACE)
            if self._is_directive(stripped):
                continue
            if stripped.startswith("#"):
                comment = first[1:].strip(SPACE)
                comments = [*comments, comment] if comment else []
                continue
            begin = self._at
            text, goes_on = self._without_continuation(stripped)
            if not goes_on and not text:
                continue
            text = self._joined(text) if goes_on else text
            count += 1
            line = self._line(begin, text, tuple(comments))
            if count > MOST_LINES:
                raise DockerfileError(line.place, f"more than {MOST_LINES} instructions")
            yield line
            comments = []

    def _take(self) -> str:
        line = self._raw[self._at]
        self._at += 1
        if len(line) > LONGEST_LINE or len(line.encode("utf-8", "surrogateescape")) > LONGEST_LINE:
            raise DockerfileError(self._place(self._at), f"a line of more than {LONGEST_LINE} bytes")
        return line

    def _place(self, first: int) -> Place:
        return Place(self._file, first, max(first, self._at))

    def _is_directive(self, line: str) -> bool:
        with at(self._place(self._at)):
            directive = self._reader.read(line)
            if directive is None:
                return False
            self.directives.append(directive)
            if directive.name == "escape":
                self.escape = check_escape(directive.value)
                self._continued = _continuation(self.escape)
        return True

    def _without_continuation(self, line: str) -> tuple[str, bool]:
        """The line without the escape at its end, and whether there was one."""
        match = self._continued.search(line)
        return (line[: match.start(1)], True) if match else (line, False)

    def _joined(self, text: str) -> str:
        """The lines up to the one that doesn't go on; comments and empty lines between them are passed over."""
        parts, goes_on, is_empty = [text], True, False
        while goes_on and self._at < len(self._raw):
            line = self._take().rstrip("\r\n")
            bare = line.lstrip(SPACE)
            if not bare:
                is_empty = True
            elif not bare.startswith("#"):
                part, goes_on = self._without_continuation(line)
                parts.append(part)
        if is_empty:
            self.empty_continuations.append(Place(self._file, self._at, self._at))
        return "".join(parts)

    def _line(self, begin: int, text: str, comments: tuple[str, ...]) -> Line:
        with at(self._place(begin)):
            heredocs = tuple(self._filled(one) for one in _announced(text, self.escape))
        place = self._place(begin)
        _require_text(place, text, *(one.content for one in heredocs))
        return Line(place, text, comments, heredocs)

    def _filled(self, heredoc: Heredoc) -> Heredoc:
        content: list[str] = []
        while self._at < len(self._raw):
            line = self._take()
            bare = line.rstrip("\r\n")
            if (bare.lstrip("\t") if heredoc.strips_tabs else bare) == heredoc.name:
                return replace(heredoc, content="".join(content))
            content.append(line)
        raise Fault(f"the here-document has no end: no line is '{heredoc.name}'")


def _continuation(escape: str) -> re.Pattern[str]:
    """An escape at the line's end that isn't escaped itself."""
    sign = re.escape(escape)
    return re.compile(rf"(?:(?<=[^{sign}])|\A)({sign})[ \t]*\Z")


def _announced(text: str, escape: str) -> Iterator[Heredoc]:
    """The here-documents that a line announces, in order. Raises Fault."""
    if "<<" not in text or not _may_announce(text, escape):
        return
    try:
        words = expand(text, {}, _MARKED).words
    except Fault:
        return  # what a shell would refuse too, and may yet be a JSON list or a comment of the shell's
    for word in words:
        found = heredoc_of(word)
        if found is not None:
            yield found


def _may_announce(text: str, escape: str) -> bool:
    split = split_line(text, escape)
    if split.word.lower() == "onbuild":
        split = split_line(split.rest, escape)
    return split.word.lower() in _WITH_HERE and json_words(split.rest) is None


def _require_text(place: Place, *texts: str) -> None:
    for text in texts:
        if "\0" in text:
            raise DockerfileError(place, "a NUL character, which no program can be given")
        if any("\udc80" <= char <= "\udcff" for char in text):
            raise DockerfileError(place, "bytes that aren't UTF-8", "save the file in UTF-8")
