"""Command lines in their plainest form: a verb, flags that take no value, and names. Pure.

They are told without click. Whatever is anything else (an option with a value, a word that isn't known here, a name
that is missing, ``--help``) is none of them, and click says what it means: so nothing here ever is an error.
tests/unit/runtime/test_plain.py holds each of them to what click makes of the same words.
"""

from __future__ import annotations

from whit.packer.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Plain:
    """A verb's plain form: its flags, each with the parameter that it sets, and the parameter that takes the names.

    Where the verb takes names there must be one; else there may be none.
    """

    flags: Mapping[str, str]
    names: str = ""


@dataclass(frozen=True, slots=True)
class PlainCall:
    """The verb (a function in the module of its name in runtime/verbs) and values for its parameters."""

    verb: str
    values: Mapping[str, object]


PLAIN = {
    "ps": Plain(
        {"-a": "everything", "--all": "everything", "-q": "quiet", "--quiet": "quiet", "--no-trunc": "no_trunc"}
    ),
    "start": Plain({}, "containers"),
    "stop": Plain({}, "containers"),
    "rm": Plain({"-f": "force", "--force": "force", "-v": "volumes", "--volumes": "volumes"}, "containers"),
}
"""What people type most, of what is worth it."""

INTERNAL = {"_ended": Plain({}, "folders")}
"""Verbs that the launcher calls."""


def plain_call(words: list[str]) -> PlainCall | None:
    """What the words mean if they are of a plain form."""
    verb = words[0] if words else ""
    plain = PLAIN.get(verb) or INTERNAL.get(verb)
    if plain is None:
        return None
    names = tuple(word for word in words[1:] if not word.startswith("-"))
    flags = [flag for word in words[1:] if word.startswith("-") for flag in _split(word)]
    if bool(names) != bool(plain.names) or not all(flag in plain.flags for flag in flags):
        return None
    values: dict[str, object] = {plain.flags[flag]: True for flag in flags}
    return PlainCall(verb.lstrip("_"), {**values, plain.names: names} if names else values)


def _split(word: str) -> list[str]:
    """``-aq`` is ``-a -q``."""
    is_short = len(word) > 1 and not word.startswith("--")
    return [f"-{letter}" for letter in word[1:]] if is_short else [word]
