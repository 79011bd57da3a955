"""Env files: ``NAME=VALUE`` lines with quotes, escapes and variables, as docker compose reads them. Pure.

Sources: compose-spec, 05-services.md, "Env_file format"; what compose-go does where that says nothing.
"""

from __future__ import annotations

import re

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model.interpolation import TemplateError, Variables, substitute
from whit.runtime.compose.model.nodes import ComposeError, Place

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SIZE = 4 << 20
"""The greatest env file that is read, in characters."""
_BLANK = " \t\v\f\r\x85\xa0"
_EXPORT = re.compile(r"export[ \t\v\f\r]+")
_NAME = re.compile(r"[\w.\-\[\] \t\v\f\r\x85\xa0]*")
_ESCAPE = re.compile(r'\\([abcfnrtv$"\\]|0[0-7]{0,3})')
_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    '"': '"',
    "\\": "\\",
    "$": "$$",
}


def read(text: str, file: str, known: dict[str, str], lookup: Callable[[str], str | None]) -> Variables:
    """Read a file's variables into ``known``. ``lookup`` says what is set elsewhere, and wins where a value uses a variable.

    Raises :class:`~whit.runtime.compose.model.nodes.ComposeError`, with the line.
    """
    if len(text) > MAX_SIZE:
        raise ComposeError(f"more than {MAX_SIZE >> 20} MiB, and so no env file", Place(file))
    reading = _Reading(text.removeprefix("\ufeff"), file, known, lookup)
    while reading.statement():
        pass
    return reading.variables


def read_raw(text: str, file: str, known: dict[str, str], lookup: Callable[[str], str | None]) -> None:
    """``format: raw``: all behind the ``=`` is the value, whatever it is."""
    if len(text) > MAX_SIZE:
        raise ComposeError(f"more than {MAX_SIZE >> 20} MiB, and so no env file", Place(file))
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        bare = line.lstrip()
        if not bare or bare.startswith("#"):
            continue
        name, equals, value = bare.partition("=")
        if not name or any(letter in name for letter in " \t"):
            raise ComposeError(f"'{name[:60]}' can't be a variable's name", Place(file, number, 1), "NAME=VALUE")
        if equals:
            known[name] = value
        elif (found := lookup(name)) is not None:
            known[name] = found


class _Reading:
    __slots__ = ("file", "known", "position", "text", "variables")

    def __init__(self, text: str, file: str, known: dict[str, str], lookup: Callable[[str], str | None]) -> None:
        self.text = text
        self.file = file
        self.known = known
        self.position = 0
        self.variables = Variables(lambda name: found if (found := lookup(name)) is not None else known.get(name))

    def wrong(self, message: str, hint: str | None = None) -> ComposeError:
        return ComposeError(message, Place(self.file, self.text.count("\n", 0, self.position) + 1, 1), hint)

    def statement(self) -> bool:
        """Read one variable, or comment. False at the end."""
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1
        if self.position >= len(self.text):
            return False
        if self.text[self.position] == "#":
            self.position = self._line_end()
            return True
        export = _EXPORT.match(self.text, self.position)
        if export:
            self.position = export.end()
        self.variable()
        return True

    def _line_end(self) -> int:
        end = self.text.find("\n", self.position)
        return len(self.text) if end < 0 else end

    def variable(self) -> None:
        found = _NAME.match(self.text, self.position)
        end = found.end() if found else self.position
        mark = self.text[end : end + 1]
        name = self.text[self.position : end].rstrip()
        if mark not in {"=", ":", "\n", ""}:
            line = self.text[self.position : self._line_end()]
            raise self.wrong(f"'{line[:60]}' has a '{mark}' in the variable's name", "NAME=VALUE")
        if any(letter in name for letter in _BLANK):
            raise self.wrong(f"'{name[:60]}' has a space in the variable's name", "NAME=VALUE")
        self.position = end + 1
        if mark in {"\n", ""}:
            value = self.variables.lookup(name)
            if value is not None:
                self.known[name] = value
            return
        while self.text[self.position : self.position + 1] in tuple(_BLANK):
            self.position += 1
        self.known[name] = self.value()

    def value(self) -> str:
        quote = self.text[self.position : self.position + 1]
        if quote not in {"'", '"'}:
            end = self._line_end()
            raw = self.text[self.position : end].partition(" #")[0].rstrip()
            value = self.expanded(raw)
            self.position = end + 1
            return value
        begin = self.position
        held = self.quoted(quote)
        if quote == "'":
            return held
        end, self.position = self.position, begin
        value = self.expanded(_ESCAPE.sub(_unescaped, held))
        self.position = end
        return value

    def quoted(self, quote: str) -> str:
        """What is between quotes; only an escaped quote is taken out of its escape here."""
        held: list[str] = []
        begin, at = self.position, self.position + 1
        while at < len(self.text):
            letter = self.text[at]
            if letter == "\\" and at + 1 < len(self.text):
                following = self.text[at + 1]
                held.append(following if following == quote else letter + following)
                at += 2
                continue
            if letter == quote:
                self.position = at + 1
                return "".join(held)
            held.append(letter)
            at += 1
        self.position = begin
        raise self.wrong(f"the quotation isn't closed: {self.text[begin : self._line_end()][:60]}")

    def expanded(self, value: str) -> str:
        try:
            return substitute(value, self.variables)
        except TemplateError as error:
            raise self.wrong(str(error), error.hint) from None


def _unescaped(found: re.Match[str]) -> str:
    mark = found[1]
    if mark[0] == "0":
        return chr(int(mark, 8)) if len(mark) > 1 else found[0]
    return _ESCAPES.get(mark, found[0])
