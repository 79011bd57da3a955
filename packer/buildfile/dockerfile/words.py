"""Variables, quotes and escapes in a Dockerfile's words. Pure.

As BuildKit's lexer reads them (frontend/dockerfile/shell/lex.go; Dockerfile reference, "Environment replacement"):
``$x ${x} ${x:-w} ${x:+w} ${x:?w} ${x-w} ${x+w} ${x?w} ${x#p} ${x##p} ${x%p} ${x%%p} ${x/p/r} ${x//p/r}``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile import globs
from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.buildfile.dockerfile.text import SPACE
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_GROWTH = 1 << 20
"""Characters that variables may bring into one word: ``$a$a`` set again and again doubles each time."""

DEEPEST = 64
"""Levels of ``${a:-${b:-…}}``."""

_RUNS = re.compile(f"[{SPACE}]+|[^{SPACE}]+")
_PLAIN = re.compile(r"[^$<'\"\\`}/]+")
"""Characters that mean nothing whatever the escape is, and wherever they stand."""

_SPECIAL = "@*#?-$!0"
_MODIFIERS = "+-?#%"
_AFTER_HERE = "\t\r "


@dataclass(frozen=True, slots=True)
class Expansion:
    """What became of a word: its text, the words in it, variables that were found and those that weren't.

    Words are split after variables are replaced: quoted white space doesn't split, a variable's does.
    """

    text: str
    words: tuple[str, ...]
    used: frozenset[str]
    missing: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """How words are read. ``raw`` keeps quotes and escapes; ``keep_unset`` leaves variables that aren't set as they are."""

    escape: str = "\\"
    raw_quotes: bool = False
    raw_escapes: bool = False
    plain_quotes: bool = False
    keep_unset: bool = False


PLAIN = Reading()


def expand(word: str, variables: Mapping[str, str], reading: Reading = PLAIN) -> Expansion:
    """The word with its variables replaced. Raises Fault for a syntax error, and for ``${x:?}`` without x."""
    lexer = _Lexer(word.removeprefix("\ufeff"), variables, reading)
    text, words = lexer.run("", raw_escapes=reading.raw_escapes, doubled=False)
    return Expansion(text, tuple(words), frozenset(lexer.used), frozenset(lexer.missing))


class _Words:
    """The words of a text that comes in pieces."""

    __slots__ = ("_is_in_word", "_word", "found")

    def __init__(self) -> None:
        self.found: list[str] = []
        self._word: list[str] = []
        self._is_in_word = False

    def take(self, text: str) -> None:
        """Text in which white space ends a word."""
        for run in _RUNS.findall(text):
            if run[0] not in SPACE:
                self.take_raw(run)
            elif self._is_in_word:
                self.end()

    def take_raw(self, text: str) -> None:
        """Text that belongs to one word whatever is in it."""
        if text:
            self._word.append(text)
        self._is_in_word = True

    def end(self) -> None:
        if self._word:
            self.found.append("".join(self._word))
            self._word = []
            self._is_in_word = False


class _Lexer:
    __slots__ = ("_at", "_depth", "_grown", "_raw", "_reading", "_text", "_variables", "missing", "used")

    def __init__(self, text: str, variables: Mapping[str, str], reading: Reading) -> None:
        self._text = text
        self._variables = variables
        self._reading = reading
        self._raw = reading.raw_escapes
        self._at = self._depth = self._grown = 0
        self.used: set[str] = set()
        self.missing: set[str] = set()

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._text[self._at : self._at + 1]
        self._at += len(char)
        return char

    def run(self, stop: str, *, raw_escapes: bool, doubled: bool) -> tuple[str, list[str]]:
        """Up to the character ``stop``, which is taken, or to the end.

        ``doubled`` is for patterns, which are read a second time: escapes inside of quotes are kept from that.
        """
        outer, self._raw = self._raw, raw_escapes
        parts: list[str] = []
        words = _Words()
        try:
            while char := self._peek():
                if char == stop:
                    self._next()
                    break
                parts.append(self._piece(char, words, doubled=doubled))
            else:
                if stop:
                    raise Fault(f"the end comes before the matching {stop}")
        finally:
            self._raw = outer
        words.end()
        return "".join(parts), words.found

    def _piece(self, char: str, words: _Words, *, doubled: bool) -> str:
        if char == "$":
            made = self._dollar()
            words.take(made)
            return made
        if char == "<":
            made = self._here()
        elif char == "'" and not self._reading.plain_quotes:
            made = self._single(doubled=doubled)
        elif char == '"' and not self._reading.plain_quotes:
            made = self._double(doubled=doubled)
        else:
            return self._character(words)
        words.take_raw(made)
        return made

    def _plain(self) -> str:
        """The next characters that mean nothing; at least one is taken."""
        run = _PLAIN.match(self._text, self._at)
        if run is None:
            return self._next()
        self._at = run.end()
        return run[0]

    def _character(self, words: _Words) -> str:
        char = self._plain()
        if char != self._reading.escape:
            words.take(char)
            return char
        # An escape at the end escapes nothing, and goes.
        made = (char if self._raw else "") + self._next()
        if made:
            words.take_raw(made)
        return made

    def _single(self, *, doubled: bool) -> str:
        self._next()
        end = self._text.find("'", self._at)
        if end < 0:
            self._at = len(self._text)
            raise Fault("the end comes before the matching single quote")
        inner = self._text[self._at : end]
        self._at = end + 1
        if doubled:
            inner = inner.replace(self._reading.escape, self._reading.escape * 2)
        return f"'{inner}'" if self._reading.raw_quotes else inner

    def _double(self, *, doubled: bool) -> str:
        self._next()
        quote = '"' if self._reading.raw_quotes else ""
        parts = [quote]
        while char := self._peek():
            if char == '"':
                self._next()
                return "".join((*parts, quote))
            parts.append(self._dollar() if char == "$" else self._double_character(doubled=doubled))
        raise Fault("the end comes before the matching double quote")

    def _double_character(self, *, doubled: bool) -> str:
        char = self._plain()
        escape = self._reading.escape
        if char != escape:
            return char
        following = self._peek()
        if following in ('"', "$", escape):
            return (char if self._raw else "") + self._next()
        if not following:
            return ""
        return char * 2 if self._raw and (doubled or not self._reading.raw_quotes) else char

    def _here(self) -> str:
        """``<``, or ``<<`` with the white space after it: both belong to the word of a here-document."""
        self._next()
        if self._peek() != "<":
            return "<"
        self._next()
        begin = self._at
        while self._peek() and self._peek() in _AFTER_HERE:
            self._next()
        return f"<<{self._text[begin : self._at]}"

    def _dollar(self) -> str:
        self._next()
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self._value(name)
            return f"${name}" if value is None and self._reading.keep_unset else value or ""
        self._next()
        self._depth += 1
        if self._depth > DEEPEST:
            raise Fault(f"variables are nested deeper than {DEEPEST} levels")
        made = self._braces()
        self._depth -= 1
        return made

    def _braces(self) -> str:
        char = self._peek()
        if not char:
            raise Fault("syntax error: missing '}'")
        if char in "{}:":
            raise Fault("syntax error: bad substitution", "a variable's name follows ${")
        name = self._name()
        sign = self._next()
        if not sign:
            raise Fault("syntax error: missing '}'")
        if sign == "}":
            value = self._value(name)
            return f"${{{name}}}" if value is None and self._reading.keep_unset else value or ""
        if sign == "/":
            return self._replacement(name)
        colon = ""
        if sign == ":":
            colon, sign = sign, self._next()
            if sign and sign in "#%":
                raise Fault(f"unsupported modifier (:{sign}) in substitution")
        elif sign not in _MODIFIERS:
            raise Fault(f"unsupported modifier ({sign}) in substitution")
        is_pattern = sign in ("#", "%")
        word = self._until("}", "}", raw_escapes=is_pattern, doubled=is_pattern)
        return self._modified(name, colon, sign, word)

    def _until(self, stop: str, named: str, *, raw_escapes: bool, doubled: bool) -> str:
        try:
            return self.run(stop, raw_escapes=raw_escapes, doubled=doubled)[0]
        except Fault:
            if not self._peek():
                raise Fault(f"syntax error: missing '{named}' in ${{}}") from None
            raise

    def _modified(self, name: str, colon: str, sign: str, word: str) -> str:
        value = self._value(name)
        if value is None and self._reading.keep_unset:
            return f"${{{name}{colon}{sign}{word}}}"
        is_there = value is not None and not (colon and not value)
        if sign == "-":
            return (value or "") if is_there else word
        if sign == "+":
            return word if is_there else ""
        if sign == "?":
            if not is_there:
                lacking = "unset" if value is None else "empty"
                raise Fault(f"{name}: {word or f'is not allowed to be {lacking}'}")
            return value or ""
        if sign in ("#", "%"):
            strip = globs.without_prefix if sign == "#" else globs.without_suffix
            longest = word.startswith(sign)
            return strip(value or "", word[1:] if longest else word, longest=longest)
        raise Fault(f"unsupported modifier ({colon}{sign}) in substitution")

    def _replacement(self, name: str) -> str:
        everywhere = self._peek() == "/"
        if everywhere:
            self._next()
        pattern = self._until("/", "/", raw_escapes=True, doubled=True)
        replacement = self._until("}", "}", raw_escapes=True, doubled=False)
        value = self._value(name)
        if value is None and self._reading.keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        replace = globs.all_replaced if everywhere else globs.replaced
        made = replace(value or "", pattern, replacement, MOST_GROWTH)
        self._grow(len(made))
        return made

    def _name(self) -> str:
        """A name of letters, digits and underscores; digits alone where it begins with one; or one special character."""
        first = self._peek()
        if first.isdecimal():
            return self._while(str.isdecimal)
        if first and first in _SPECIAL:
            return self._next()
        return self._while(lambda char: char.isalpha() or char.isdecimal() or char == "_")

    def _while(self, belongs: Callable[[str], bool]) -> str:
        begin = self._at
        while self._at < len(self._text) and belongs(self._text[self._at]):
            self._at += 1
        return self._text[begin : self._at]

    def _value(self, name: str) -> str | None:
        value = self._variables.get(name)
        (self.missing if value is None else self.used).add(name)
        self._grow(len(value or ""))
        return value

    def _grow(self, size: int) -> None:
        self._grown += size
        if self._grown > MOST_GROWTH:
            raise Fault(f"variables bring more than {MOST_GROWTH} characters into one word")
