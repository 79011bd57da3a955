"""Dataclasses that are made in microseconds: what the library's own do of what whit uses."""

from __future__ import annotations

import dataclasses

import pytest

from whit.packer.support.light import dataclass, replace


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
