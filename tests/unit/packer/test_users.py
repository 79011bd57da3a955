"""Who needs an image is refused its removal, in docker's words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from whit.packer.store.users import users
from whit.packer.support.errors import InvalidFileError

if TYPE_CHECKING:
    from pathlib import Path

ID = "a" * 64


def container(root: Path, document: str) -> Path:
    place = root / "containers" / ID
    place.mkdir(parents=True)
    (place / "container.json").write_text(document)
    return place


def test_a_container_needs_the_image_that_its_document_names(tmp_path: Path) -> None:
    known = {"id": ID, "name": "web", "image_digest": "sha256:1", "image_id": "sha256:2", "more": [1]}
    container(tmp_path, json.dumps(known))
    (user,) = users(tmp_path)
    assert (user.name, user.digest, user.image_id, user.is_running) == ("web", "sha256:1", "sha256:2", False)


def test_without_containers_nobody_needs_anything(tmp_path: Path) -> None:
    assert users(tmp_path) == ()
    (tmp_path / "containers" / "names").mkdir(parents=True)
    assert users(tmp_path) == ()


@pytest.mark.parametrize("document", ["", "{", "[]", "{}", "3"])
def test_of_a_damaged_one_it_isn_t_known_what_it_needs(tmp_path: Path, document: str) -> None:
    container(tmp_path, document)
    with pytest.raises(InvalidFileError, match="is damaged"):
        users(tmp_path)
