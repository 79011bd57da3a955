"""One line of a Dockerfile → its instruction, flags and the rest; and the rest → words. Pure.

As BuildKit's parser splits them (frontend/dockerfile/parser: split_command.go, line_parsers.go).
"""

from __future__ import annotations

import json
from typing import NoReturn

from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.buildfile.dockerfile.text import BLANKS, SPACE, is_space
from whit.packer.support.light import dataclass

_QUOTES = "'\""


@dataclass(frozen=True, slots=True)
class Split:
    """A line's instruction as it is written, its flags without their quotes, and what follows."""

    word: str
    flags: tuple[str, ...]
    rest: str


def split_line(line: str, escape: str) -> Split:
    """A whole line, continuations joined."""
    parts = BLANKS.split(line.strip(SPACE), maxsplit=1)
    flags, rest = _take_flags(parts[1], escape) if len(parts) > 1 else ((), "")
    return Split(parts[0], flags, rest.strip(SPACE))


def _take_flags(text: str, escape: str) -> tuple[tuple[str, ...], str]:
    """The words at the beginning that begin with ``--``, and what follows; a lone ``--`` ends them."""
    flags: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at] in SPACE:
            at += 1
        if not text.startswith("--", at):
            return tuple(flags), text[at:]
        flag, at = _unquoted_word(text, at, escape)
        if flag == "--":
            # Where it is the line's last word, nothing follows.
            return tuple(flags), text[at:]
        flags.append(flag)


def _unquoted_word(text: str, at: int, escape: str) -> tuple[str, int]:
    """The word that begins there, without quotes and escapes, and where it ends."""
    word: list[str] = []
    quote = ""
    while at < len(text):
        char = text[at]
        if not quote and char in SPACE:
            break
        if not quote and char in _QUOTES:
            quote = char
        elif char == quote:
            quote = ""
        elif char == escape:
            at += 1
            word.append(text[at : at + 1])
        else:
            word.append(char)
        at += 1
    return "".join(word), min(at, len(text))


def quoted_words(text: str, escape: str) -> tuple[str, ...]:
    """The text's words with their quotes and escapes; white space inside of quotes doesn't end a word."""
    words: list[str] = []
    word: list[str] = []
    quote, at = "", 0
    while at < len(text):
        char = text[at]
        if not quote and is_space(char):
            if word:
                words.append("".join(word))
                word = []
            at += 1
            continue
        if char == escape and quote != "'":
            # An escape that is the last character escapes nothing, and goes.
            if at + 1 < len(text):
                word.append(text[at : at + 2])
            at += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in _QUOTES:
            quote = char
        word.append(char)
        at += 1
    if word:
        words.append("".join(word))
    return tuple(words)


def blank_words(text: str) -> tuple[str, ...]:
    """The text's words where quotes mean nothing."""
    return tuple(BLANKS.split(text)) if text else ()


def json_words(text: str) -> tuple[str, ...] | None:
    """The strings of a JSON list; None for what is no JSON list, which then is a text. Raises Fault for other members."""
    stripped = text.lstrip(SPACE)
    if not stripped.startswith("["):
        return None
    try:
        found = json.loads(stripped, parse_constant=_refuse_constant)
    except RecursionError:
        found = [None]
    except ValueError:
        return None
    if not all(isinstance(item, str) for item in found):
        raise Fault("a JSON list may hold nothing but strings here", 'as in ["sh", "-c", "exit 1"]')
    # A half of a surrogate pair is no character: Go's decoder replaces it.
    return tuple("".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in item) for item in found)


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not a JSON value"
    raise ValueError(message)
