"""Command lines in their plainest form mean without click what they mean with it."""

from __future__ import annotations

import itertools
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from whit.runtime import cli
from whit.runtime.plain import PLAIN, plain_call

if TYPE_CHECKING:
    from collections.abc import Iterator

UNSET: tuple[object, ...] = (None, False, ())
"""What a parameter has that nobody gave."""


def _by_click(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> dict[str, object]:
    """The values that click's command hands to the verb's function for the words."""
    handed: dict[str, object] = {}

    def take(*positional: object, **named: object) -> int:
        handed.update(named, **({PLAIN[words[0]].names or PLAIN[words[0]].name: positional[0]} if positional else {}))
        assert all(value in UNSET for value in positional[1:])
        return 0

    verb = ModuleType(words[0])
    setattr(verb, words[0], take)
    monkeypatch.setitem(sys.modules, f"{PLAIN[words[0]].home}.{words[0]}", verb)
    assert cli.answer(words) == 0
    return {name: value for name, value in handed.items() if value not in UNSET}


def _lines() -> Iterator[list[str]]:
    for verb, plain in PLAIN.items():
        names = ["web", "0123"] if plain.names else ["web"] if plain.name else []
        for count in (0, 1):
            for flags in itertools.combinations(plain.flags, count):
                yield [verb, *flags, *names]
                yield [verb, *names, *flags]
        for option, parameter in (plain.many or {}).items():
            yield [verb, option, "+zones", *names]
            again = [name for name, other in (plain.many or {}).items() if other == parameter][-1]
            yield [verb, *names, option, "first", again, "second"]
        letters = "".join(flag[1:] for flag in plain.flags if not flag.startswith("--"))
        if letters:
            yield [verb, f"-{letters}", *names]


@pytest.mark.parametrize("words", list(_lines()), ids=" ".join)
def test_a_plain_line_means_what_click_makes_of_it(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    call = plain_call(words)

    assert call is not None
    assert call.verb == words[0]
    assert call.values == _by_click(monkeypatch, words)


@pytest.mark.parametrize(
    "words",
    [
        [], ["--help"], ["images"], ["container", "ls"],  # other commands, and none
        ["ps", "--help"], ["ps", "-h"], ["stop", "--help"],
        ["ps", "web"], ["ps", "--format", "json"], ["ps", "--format=json"], ["ps", "-n", "1"], ["ps", "-an1"], ["ps", "-"],
        ["rm"], ["rm", "-f"], ["stop"], ["start"],  # a name is missing
        ["stop", "-t", "3", "web"], ["stop", "-t3", "web"], ["rm", "--", "-f"], ["rm", "--forc", "web"], ["rm", "-x", "web"],
        ["start", "-a", "web"], ["start", "-ai", "web"],
        ["pack"], ["pack", "a", "b"], ["pack", "a", "-t"], ["pack", "a", "-t", "--push"], ["pack", "-tname", "a"], ["pack", "--tag=x", "a"],
        ["pack", "a", "-o", "b/"], ["pack", "a", "--", "-t"], ["pack", "a", "--compression", "zstd"],
        ["logs"], ["logs", "web", "db"], ["logs", "-n", "3", "web"], ["logs", "-fn3", "web"], ["logs", "--since=1m", "web"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_anything_else_is_click_s(words: list[str]) -> None:
    assert plain_call(words) is None


@given(st.lists(st.text(max_size=6), max_size=5), st.sampled_from([*PLAIN, "_ended"]))
@example(["", "-"], "rm")
def test_no_line_is_an_error(words: list[str], verb: str) -> None:
    call = plain_call([verb, *words])

    # Then each word has its place in what it means, or it is none of these
    if call:
        named = [value if isinstance(value, tuple) else (value,) for value in call.values.values() if value is not True]
        names = [name for each in named for name in each]
        assert all(word in names or word.startswith("-") for word in words)
