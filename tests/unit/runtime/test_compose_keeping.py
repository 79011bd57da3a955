"""What files mean is kept, and counts only as long as nothing that it depends on is another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from whit.packer.support.errors import WhitError
from whit.runtime.compose.commands.chosen import Chosen
from whit.runtime.compose.running.keeping import MOST, Kept, load_kept

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
services:
  web:
    image: "i:${TAG:-1}"
    env_file: [{path: own.env, required: false}]
    environment: [GIVEN]
    secrets: [s]
  tool: {image: t, profiles: [tools]}
secrets: {s: {environment: TOKEN}}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "compose.yaml").write_text(FILE)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PWD", str(folder))
    monkeypatch.setenv("TOKEN", "hidden")
    monkeypatch.setenv("GIVEN", "g")
    monkeypatch.delenv("TAG", raising=False)
    return tmp_path


def _load(place: Path, **words: Any) -> tuple[bool, dict[str, Any]]:
    """(whether it was kept, the service)."""
    found = load_kept(Chosen(**words), place / "store")
    return isinstance(found, Kept), found.configuration["services"]["web"]


def test_the_second_command_has_what_the_first_one_worked_out(place: Path) -> None:
    first = load_kept(Chosen(), place / "store")
    second = load_kept(Chosen(), place / "store")
    assert isinstance(second, Kept)
    assert not isinstance(first, Kept)
    for part in ("name", "configuration", "disabled", "contents", "directory", "files"):
        assert getattr(first, part) == getattr(second, part), part
    assert str(second.place("services", "web", "image")) == str(first.place("services", "web", "image"))


def test_another_text_variable_or_file_counts_at_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _load(place)[0] is False
    monkeypatch.setenv("UNUSED", "1")
    assert _load(place)[0] is True
    monkeypatch.setenv("TAG", "2")
    assert _load(place) == (False, {**_load(place)[1], "image": "i:2"})
    monkeypatch.setenv("GIVEN", "other")
    assert _load(place)[1]["environment"] == {"GIVEN": "other"}
    (place / "shop" / "own.env").write_text("FROM_FILE=1\n")
    assert _load(place)[1]["environment"] == {"FROM_FILE": "1", "GIVEN": "other"}
    (place / "shop" / ".env").write_text("TAG=ignored\n")
    assert _load(place)[0] is True, "the environment is over .env"
    (place / "shop" / "compose.override.yaml").write_text("services: {web: {hostname: h}}")
    assert _load(place)[1]["hostname"] == "h"
    assert _load(place, profiles=("tools",))[0] is False
    assert _load(place, name="other")[0] is False


def test_secrets_are_not_written_and_nobody_else_can_read_what_is(place: Path) -> None:
    _load(place)
    (file,) = (place / "store" / "cache" / "compose").iterdir()
    assert "hidden" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert load_kept(Chosen(), place / "store").contents == {("secrets", "s"): "hidden"}


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"read": {}}', '{"read": 1, "variables": ""}'])
def test_what_is_damaged_is_worked_out_again(place: Path, damage: str) -> None:
    _load(place)
    (file,) = (place / "store" / "cache" / "compose").iterdir()
    file.write_text(damage)
    assert _load(place)[0] is False
    assert json.loads(file.read_text())["name"] == "shop"


def test_mistakes_and_warnings_are_told_each_time(place: Path) -> None:
    (place / "shop" / "compose.yaml").write_text("services: {web: {image: i, hostname: $NOWHERE}}")
    assert [bool(load_kept(Chosen(), place / "store").warnings) for _ in range(2)] == [True, True]
    (place / "shop" / "compose.yaml").write_text("services: {web: {imgae: i}}")
    for _ in range(2):
        with pytest.raises(WhitError, match="imgae"):
            load_kept(Chosen(), place / "store")


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(place: Path) -> None:
    (place / "store").write_text("a file")
    assert _load(place)[0] is False


def test_the_oldest_go_first(place: Path) -> None:
    for number in range(MOST + 3):
        _load(place, name=f"p{number}")
    assert len(list((place / "store" / "cache" / "compose").iterdir())) == MOST
    assert _load(place, name="p0")[0] is False
    assert _load(place, name=f"p{MOST + 2}")[0] is True
