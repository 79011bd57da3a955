"""Docker's forms of flags, ``--all=false`` and ``-p=80:80``, become words that click takes."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.runtime.cli import root
from whit.runtime.pflags import settled


@click.group()
def group() -> None:
    """A group with a verb for each way of reading words."""


_OPTIONS = (
    click.option("-a", "--all", "everything", is_flag=True),
    click.option("-i", "--interactive", is_flag=True),
    click.option("-t", "--tty", is_flag=True),
    click.option("--trunc/--no-trunc", default=True),
    click.option("-e", "--env", multiple=True),
    click.option("-n", "--last", type=int),
    click.option("-v", "--verbose", count=True),
    click.argument("words", nargs=-1),
)


def _verb(name: str, **settings: object) -> None:
    def answer(**values: object) -> dict[str, object]:
        return values

    for option in reversed(_OPTIONS):
        answer = option(answer)
    group.command(name, context_settings=settings)(answer)


_verb("ps")
_verb("run", allow_interspersed_args=False)


def told(*words: str) -> dict[str, object]:
    """What a verb is called with, as far as that isn't as usual."""
    values = group.main(settled(group, list(words)), standalone_mode=False)
    usual = {"everything": False, "interactive": False, "tty": False, "trunc": True, "env": (), "last": None}
    return {name: value for name, value in values.items() if value != {**usual, "verbose": 0, "words": ()}[name]}


@pytest.mark.parametrize("value", ["1", "t", "T", "TRUE", "true", "True"])
def test_a_flag_may_be_told_to_be_on(value: str) -> None:
    assert told("ps", f"--all={value}") == told("ps", f"-a={value}") == told("ps", "-a") == {"everything": True}


@pytest.mark.parametrize("value", ["0", "f", "F", "FALSE", "false", "False"])
def test_a_flag_may_be_told_to_be_off_and_the_last_word_counts(value: str) -> None:
    assert told("ps", f"--all={value}") == {}
    assert told("ps", "-a", f"--all={value}") == told("ps", "-ait", f"-a={value}", "-i=0", "-t=F") == {}
    assert told("ps", f"--all={value}", "-a") == {"everything": True}
    assert told("ps", f"-it={value}") == {"interactive": True}, "the last letter's"


def test_a_pair_of_flags_has_two_ways_to_be_off() -> None:
    assert told("ps", "--trunc=false") == told("ps", "--no-trunc=true") == told("ps", "--no-trunc") == {"trunc": False}
    assert told("ps", "--no-trunc=false") == told("ps", "--no-trunc", "--trunc=true") == {}


def test_a_short_option_s_value_may_follow_an_equals_sign() -> None:
    assert told("ps", "-e=A=b", "-n=-1", "-ite=") == {"env": ("A=b", ""), "last": -1, "interactive": True, "tty": True}


def test_what_is_an_option_s_value_stays_so() -> None:
    assert told("ps", "-e", "--all=false", "-a") == {"env": ("--all=false",), "everything": True}
    assert told("ps", "--env", "-a", "--all=0") == {"env": ("-a",)}
    assert told("ps", "--env=true") == {"env": ("true",)}
    assert told("ps", "-ae", "--all=0") == {"env": ("--all=0",), "everything": True}


def test_what_belongs_to_the_program_stays_so() -> None:
    assert told("run", "-a=1", "x", "--all=false") == {"everything": True, "words": ("x", "--all=false")}
    assert told("ps", "x", "--all=1", "--", "--all=0") == {"everything": True, "words": ("x", "--all=0")}


@pytest.mark.parametrize("word", ["--all=maybe", "--all=", "--none=true", "-z=1", "-v=true"])
def test_what_is_nothing_of_the_kind_is_click_s_affair(word: str) -> None:
    assert settled(group, ["ps", word]) == ["ps", word]


@given(st.lists(st.text("-=aeitn01f", max_size=6) | st.sampled_from(["--", "--all=0", "-e", "--env=1"]), max_size=8))
def test_no_words_make_it_fail_and_doing_it_again_changes_nothing(words: list[str]) -> None:
    once = settled(group, ["run", *words])
    assert once[0] == "run"
    assert settled(group, once) == once


def test_it_holds_for_all_verbs_and_groups() -> None:
    for words in (
        ["ps", "--all=true"],
        ["container", "ls", "-a=true"],
        ["image", "ls", "--quiet=false"],
        ["volume", "ls", "-q=1"],
        ["compose", "-f", "ps", "--dry-run=false", "up", "--detach=true"],
    ):
        assert not any("=" in word for word in settled(root, words))
    assert settled(root, ["nothing", "--all=true"]) == ["nothing", "--all=true"]
    assert settled(root, ["--version=true"]) == ["--version=true"]
    words = ["compose", "-f", "up", "--profile=x", "--dry-run=true", "ps", "-a", "--orphans=false"]
    assert settled(root, words) == ["compose", "-f", "up", "--profile=x", "--dry-run", "ps", "-a", "--no-orphans"]
