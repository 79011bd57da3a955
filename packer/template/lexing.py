"""A template's text → its plain parts and the tokens of its actions. Pure."""

from __future__ import annotations

import re

from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.packer.template.nodes import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 65_536
"""Characters of a template."""

_SPACE = " \t\r\n"
_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<string>"(?:[^"\\\n]|\\.)*")
  | (?P<raw>`[^`]*`)
  | (?P<char>'(?:[^'\\\n]|\\.[0-9a-fA-F]*)')
  | (?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9][0-9_]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+))
  | (?P<variable>\$\w*)
  | (?P<field>\.[^\W\d]\w*)
  | (?P<dot>\.)
  | (?P<word>[^\W\d]\w*)
  | (?P<operator>:=|[=|(),])
    """,
    re.VERBOSE,
)
_COMMENT = re.compile(r"\{\{(?P<before>-[ \t\r\n]+)?/\*.*?\*/(?P<after>[ \t\r\n]+-)?\}\}", re.DOTALL)
_CLOSE = re.compile(r"[ \t\r\n]+-\}\}|\}\}")
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPE = re.compile(
    r"\\(?:x(?P<hex>[0-9a-fA-F]{2})|u(?P<four>[0-9a-fA-F]{4})|U(?P<eight>[0-9a-fA-F]{8})|(?P<octal>[0-7]{3})|(?P<one>.))"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word of an action. ``spaced`` tells ``.A .B`` from ``.A.B``."""

    kind: str
    text: str
    spaced: bool


@dataclass(frozen=True, slots=True)
class Action:
    """What stood between ``{{`` and ``}}``."""

    tokens: tuple[Token, ...]
    source: str


def lex(text: str) -> Iterator[str | Action]:
    """The template's parts in order: plain text, and actions. Raises :class:`TemplateError`."""
    if len(text) > LONGEST:
        raise TemplateError(f"the template has {len(text)} characters; at most {LONGEST} are taken")
    at, trims = 0, False
    while at < len(text):
        opening = text.find("{{", at)
        plain = text[at:] if opening < 0 else text[at:opening]
        if trims:
            plain = plain.lstrip(_SPACE)
        if opening < 0:
            yield plain
            return
        trims_before = text[opening + 2 : opening + 3] == "-" and text[opening + 3 : opening + 4] in tuple(_SPACE)
        yield plain.rstrip(_SPACE) if trims_before else plain
        comment = _COMMENT.match(text, opening)
        if comment:
            at, trims = comment.end(), comment["after"] is not None
            continue
        tokens, at, trims = _action(text, opening + (3 if trims_before else 2))
        yield Action(tokens, text[opening:at])


def _action(text: str, at: int) -> tuple[tuple[Token, ...], int, bool]:
    """The tokens up to the closing braces, where those end, and whether they trim what follows."""
    tokens: list[Token] = []
    spaced = True
    while True:
        closing = _CLOSE.match(text, at)
        if closing:
            return tuple(tokens), closing.end(), closing[0] != "}}"
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unexpected(text, at)
        kind = match.lastgroup or ""
        if kind != "space":
            tokens.append(Token(kind, match[0], spaced))
        spaced = kind == "space"
        at = match.end()


def _unexpected(text: str, at: int) -> TemplateError:
    if at >= len(text):
        return TemplateError("the template ends inside of an action", hint="close it: {{.Field}}")
    if text.startswith("/*", at):
        return TemplateError("a comment in the template isn't alone in its action", hint="{{/* like this */}}")
    if text[at] in "\"`'":
        return TemplateError(
            f"a string in the template has no end: {text[at : at + 20]}", hint=f"end it with {text[at]}"
        )
    return TemplateError(f"{text[at]!r} isn't understood in the template's action at character {at + 1}")


def unquoted(text: str) -> str:
    r"""The string that a quoted one stands for, with Go's escapes: ``\n``, ``\x1b``, ``\u00e4``, ``\101``."""
    if text.startswith("`"):
        return text[1:-1].replace("\r", "")
    quote = text[0]

    def one(match: re.Match[str]) -> str:
        if match["hex"] or match["octal"]:
            number = int(match["hex"], 16) if match["hex"] else int(match["octal"], 8)
            return chr(number) if number < 0x80 or quote == "'" else _byte(number)  # noqa: PLR2004 - ASCII's end
        if match["four"] or match["eight"]:
            return _character(int(match["four"] or match["eight"], 16))
        simple = match["one"]
        if simple in _SIMPLE:
            return _SIMPLE[simple]
        if simple in {"\\", quote}:
            return simple
        raise TemplateError(f"\\{simple} is no escape in a string of a template", hint="write \\\\ for a backslash")

    made = _ESCAPE.sub(one, text[1:-1])
    # bytes of one character that were written one by one
    return made.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _byte(number: int) -> str:
    if number > 0xFF:  # noqa: PLR2004 - a byte's largest
        raise TemplateError(f"\\{number:o} is no byte", hint="octal escapes go up to \\377")
    return bytes([number]).decode("utf-8", "surrogateescape")


def _character(number: int) -> str:
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:  # noqa: PLR2004 - Unicode's end, and its surrogates
        raise TemplateError(f"U+{number:04X} is no character")
    return chr(number)
