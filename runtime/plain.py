"""Command lines in their plainest form: a verb, flags, options with values, and names. Pure.

They are told without click. Whatever is anything else (a word that isn't known here, a value or a name that is missing
or looks like an option, ``--help``) is none of them, and click says what it means: so nothing here ever is an error.
tests/unit/runtime/test_plain.py holds each of them to what click makes of the same words.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Plain:
    """A verb's plain form: its flags, each with the parameter that it sets, and the parameter that takes the names.

    Where the verb takes names there must be one, and no other where it takes a ``name``; else there may be none.
    ``home`` is the package that has the verb's module, ``many`` are options that take a value and may be repeated.
    """

    flags: Mapping[str, str]
    names: str = ""
    name: str = ""
    home: str = "whit.runtime.verbs"
    many: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PlainCall:
    """The verb (a function), the module of its name that has it, and values for its parameters."""

    verb: str
    values: Mapping[str, object]
    module: str


_PACKER = "whit.packer.verbs"
_TOLD = {
    "-a": "all_tags", "--all-tags": "all_tags", "-q": "quiet", "--quiet": "quiet", "--insecure": "insecure", "--json": "as_json",
}  # fmt: skip

PLAIN = {
    "ps": Plain(
        {"-a": "everything", "--all": "everything", "-q": "quiet", "--quiet": "quiet", "--no-trunc": "no_trunc"}
    ),
    "start": Plain({}, "containers"),
    "stop": Plain({}, "containers"),
    "logs": Plain(
        {"-f": "follow", "--follow": "follow", "-t": "timestamps", "--timestamps": "timestamps"}, name="container"
    ),
    "pull": Plain({**_TOLD, "--all-platforms": "all_platforms"}, name="name", home=_PACKER),
    "pack": Plain(
        {"--push": "push", "--insecure": "insecure", "--json": "as_json"},
        name="file",
        home=_PACKER,
        many={"-t": "names", "--tag": "names", "--add": "add", "--needs": "needs"},
    ),
    "push": Plain(_TOLD, name="name", home=_PACKER),
    "rm": Plain({"-f": "force", "--force": "force", "-v": "volumes", "--volumes": "volumes"}, "containers"),
}
"""What people type most, of what is worth it."""

INTERNAL = {"_ended": Plain({}, "folders"), "_idle": Plain({}, "words")}
"""Verbs that the launcher calls."""


def plain_call(words: list[str]) -> PlainCall | None:
    """What the words mean if they are of a plain form."""
    verb = words[0] if words else ""
    plain = PLAIN.get(verb) or INTERNAL.get(verb)
    if plain is None:
        return None
    found = _sorted(plain, words[1:])
    if found is None or not _fits(plain, len(found[0])):
        return None
    names, values = found
    if plain.name:
        values[plain.name] = names[0]
    elif plain.names:
        values[plain.names] = names
    function = verb.lstrip("_")
    return PlainCall(function, values, f"{plain.home}.{function}")


def _sorted(plain: Plain, words: list[str]) -> tuple[tuple[str, ...], dict[str, object]] | None:
    """(the names, the values of parameters); None where a word is neither."""
    names: list[str] = []
    values: dict[str, object] = {}
    many = plain.many or {}
    left = iter(words)
    for word in left:
        if not word.startswith("-"):
            names.append(word)
        elif word in many:
            value = next(left, "-")
            if value.startswith("-"):
                return None
            known = values.get(many[word], ())
            values[many[word]] = (*known, value) if isinstance(known, tuple) else (value,)
        else:
            for flag in _split(word):
                if flag not in plain.flags:
                    return None
                values[plain.flags[flag]] = True
    return tuple(names), values


def _fits(plain: Plain, count: int) -> bool:
    """Whether it takes so many names."""
    if plain.name:
        return count == 1
    return count > 0 if plain.names else count == 0


def _split(word: str) -> list[str]:
    """``-aq`` is ``-a -q``."""
    is_short = len(word) > 1 and not word.startswith("--")
    return [f"-{letter}" for letter in word[1:]] if is_short else [word]
