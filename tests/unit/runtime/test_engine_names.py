"""Containers' names."""

from __future__ import annotations

import random

import pytest

from whit.packer.support.errors import UsageError
from whit.runtime.engine.names import ADJECTIVES, BEINGS, check_name, new_name


@pytest.mark.parametrize("name", ["web", "a1", "Web_2.x-y", "0a"])
def test_docker_s_names_are_taken(name: str) -> None:
    assert check_name(name) == name
    assert check_name(f"/{name}") == name


@pytest.mark.parametrize("name", ["", "a", "-a", ".a", "_a", "a b", "a/b", "ä1", "a\n", "../x", "a\u0661"])
def test_other_names_are_refused_with_the_rule(name: str) -> None:
    with pytest.raises(UsageError, match="container's name") as caught:
        check_name(name)
    assert "letters, digits" in (caught.value.hint or "")


def test_a_name_that_no_file_could_have_is_refused() -> None:
    with pytest.raises(UsageError, match="too long"):
        check_name("a" * 300)


def test_a_made_up_name_is_one_that_is_taken_and_that_nobody_has() -> None:
    chooser = random.Random(1)
    names: set[str] = set()
    for _ in range(2000):
        name = new_name(names.__contains__, chooser.choice)
        assert check_name(name) == name
        assert name not in names
        names.add(name)


def test_where_all_words_are_used_up_a_number_helps() -> None:
    taken = {f"{one}_{other}" for one in ADJECTIVES for other in BEINGS}
    assert new_name(taken.__contains__, random.Random(1).choice)[-1] == "2"


def test_words_are_there_once() -> None:
    assert len(set(ADJECTIVES)) == len(ADJECTIVES)
    assert len(set(BEINGS)) == len(BEINGS)
