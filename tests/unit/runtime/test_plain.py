"""Command lines in their plainest form mean without click what they mean with it."""

from __future__ import annotations

import itertools
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import click
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import whit.runtime.verbs
from whit.runtime import cli
from whit.runtime.plain import PLAIN, plain_call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNSET: tuple[object, ...] = (None, False, ())
"""What a parameter has that nobody gave."""


def _usual(verb: str) -> dict[str, object]:
    """What the verb's parameters have that nobody gave, as click has it."""
    command = cli.root.get_command(click.Context(cli.root), verb)
    assert command is not None
    return {str(param.name): param.get_default(click.Context(command)) for param in command.params}


def _given(verb: str, values: Mapping[str, object]) -> dict[str, object]:
    """Without those that are as if nobody had given them."""
    usual = _usual(verb)
    return {name: value for name, value in values.items() if value not in (*UNSET, usual.get(name))}


def _by_click(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> dict[str, object]:
    """The values that click's command hands to the verb's function for the words."""
    handed: dict[str, object] = {}
    plain = PLAIN[words[0]]

    def take(*positional: object, **named: object) -> int:
        handed.update(named, **({plain.names or plain.name: positional[0]} if positional else {}))
        assert all(value in UNSET for value in positional[1:])
        return 0

    verb = ModuleType(words[0])
    setattr(verb, words[0], take)
    # inspect's are told by click itself whether they are a file
    vars(verb).update(is_file=lambda _: False, show_all=lambda things, _, form: take(things=things, form=form))
    monkeypatch.setitem(sys.modules, f"{plain.home}.{words[0]}", verb)
    monkeypatch.setattr(whit.runtime.verbs, words[0], verb, raising=False)
    assert cli.answer(words) == 0
    return _given(words[0], handed)


def _lines() -> Iterator[list[str]]:
    for verb, plain in PLAIN.items():
        names = ["web", "0123"] if plain.names else ["web"] if plain.name else []
        after = [*names, "-t", "--", "--name=x"] if plain.rest else names
        for count in (0, 1):
            for flags in itertools.combinations(plain.flags, count):
                yield [verb, *flags, *after]
                if not plain.rest:
                    yield [verb, *names, *flags]
        letters = "".join(flag[1:] for flag in plain.flags if not flag.startswith("--"))
        if letters:
            yield [verb, f"-{letters}", *after]
        for option in plain.texts:
            yield [verb, option, "-x=1", option, "b", *after]
            joined = "=a=b" if option.startswith("--") else "ab=c"
            yield [verb, f"{option}{joined}", *after]
        short = next((option[1:] for option in plain.texts if not option.startswith("--")), "")
        if letters and short:
            yield [verb, f"-{letters}{short}", "false", *after]
            yield [verb, f"-{letters}{short}80:80", *after]


@pytest.mark.parametrize("words", list(_lines()), ids=" ".join)
def test_a_plain_line_means_what_click_makes_of_it(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    call = plain_call(words)

    assert call is not None
    assert call.verb == words[0]
    assert _given(words[0], call.values) == _by_click(monkeypatch, words)


@pytest.mark.parametrize(
    "words",
    [
        [], ["--help"], ["images"], ["container", "ls"],  # other commands, and none
        ["ps", "--help"], ["ps", "-h"], ["stop", "--help"],
        ["ps", "web"], ["ps", "--format", "json"], ["ps", "--format=json"], ["ps", "-n", "1"], ["ps", "-an1"], ["ps", "-"],
        ["rm"], ["rm", "-f"], ["stop"], ["start"],  # a name is missing
        ["stop", "-t", "3", "web"], ["stop", "-t3", "web"], ["rm", "--", "-f"], ["rm", "--forc", "web"], ["rm", "-x", "web"],
        ["start", "-a", "web"], ["start", "-ai", "web"],
        ["pack"], ["pack", "a", "b"], ["pack", "a", "-t"],
        ["pack", "a", "-o", "b/"], ["pack", "a", "--", "-t"], ["pack", "a", "--compression", "zstd"],
        ["run"], ["run", "-d"], ["run", "--name", "web"], ["run", "-p", "80"], ["run", "--", "image"], ["run", "-d", "--", "image"],
        ["run", "--detach=true", "image"], ["run", "-dp=80", "image"], ["run", "-p=80", "image"], ["run", "--pull", "always", "image"],
        ["run", "--writable", "image"], ["run", "--stop-timeout", "3", "image"], ["run", "--privileged", "image"], ["run", "--help"],
        ["run", "--detac", "image"], ["run", "-", "image"], ["create", "-d", "image"], ["create"],
        ["exec", "web"], ["exec", "-it", "web"], ["exec", "-u", "web"], ["exec", "--detach-keys", "a", "web", "true"],
        ["inspect"], ["inspect", "--type", "image", "web"], ["inspect", "--json", "web"], ["inspect", "web", "-f"],
        ["kill"], ["kill", "-s", "9"], ["wait"],
        ["logs"], ["logs", "web", "db"], ["logs", "-n", "3", "web"], ["logs", "-fn3", "web"], ["logs", "--since=1m", "web"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_anything_else_is_click_s(words: list[str]) -> None:
    assert plain_call(words) is None


WORDS = st.one_of(
    st.text(max_size=6), st.sampled_from(["-d", "-it", "-e", "-eA=B", "-p", "--name", "--name=x", "--", "-", "a"])
)


@given(st.lists(WORDS, max_size=6), st.sampled_from([*PLAIN, "_ended"]))
@example(["", "-"], "rm")
@example(["-e", "-d", "image", "-d"], "run")
def test_no_line_is_an_error(words: list[str], verb: str) -> None:
    call = plain_call([verb, *words])

    # Then each word has its place in what it means, or it is none of these
    if call:
        said = [text for value in call.values.values() for text in (value if isinstance(value, tuple) else (value,))]
        before = ["", *words]
        assert all(
            word in said or word.startswith("-") or last.startswith("-")
            for last, word in zip(before, words, strict=False)
        )
