"""Dataclasses that are made in microseconds: what the library's own do of what whit uses."""

from __future__ import annotations

import dataclasses

import pytest

from whit.packer.support.light import NamedTuple, dataclass, replace


@dataclass(frozen=True, slots=True)
class Place:
    """Where."""

    file: str
    line: int = 1


@dataclass(frozen=True, slots=True)
class Word(Place):
    """What stands there."""

    text: str = ""

    @property
    def shown(self) -> str:
        """For people."""
        return f"{self.file}:{self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class Here:
    """What has no members."""


class Point(NamedTuple):
    """Two numbers."""

    first: int
    second: int = 0


def test_one_may_begin_with_another() -> None:
    word = Word("a", 2, text="b")
    assert word.shown == "a:2: b"
    assert word == Word("a", 2, "b") != Word("a", 2)
    assert replace(word, line=3) == Word("a", 3, "b")
    assert isinstance(word, Place)
    assert Place("a", 2) != word
    assert [one.name for one in dataclasses.fields(word)] == ["file", "line", "text"]
    with pytest.raises(AttributeError):
        word.text = "c"  # type: ignore[misc]
    with pytest.raises(TypeError, match="file"):
        Word()  # type: ignore[call-arg]


def test_what_is_made_often_is_what_is_made_seldom() -> None:
    # Given records of a class that there are many of
    many = [Place("a", number) for number in range(1000)]
    assert many[-1] == Place(line=999, file="a") == replace(many[0], line=999)
    assert Place("a") == many[1]
    # Then its rules still hold, and those that begin with it have their own members
    assert Word("a", 2, text="b").shown == "a:2: b"
    with pytest.raises(TypeError, match="file"):
        Place()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Place("a", 1, 2)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Place("a", column=1)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        many[0].line = 2  # type: ignore[misc]


def test_what_has_no_members_may_be_made_often_too() -> None:
    assert {Here() for _ in range(1000)} == {Here()}


def test_a_named_tuple_is_made_with_other_values() -> None:
    point = Point(1, 2)
    assert point._replace(second=3) == Point(1, 3)
    assert type(point._replace(first=0)) is Point
    with pytest.raises(TypeError):
        point._replace(third=1)  # type: ignore[call-arg]
