"""Volumes as they are written down and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from whit.packer.support.errors import InvalidFileError, NotFoundError, UsageError
from whit.runtime.engine.volumeform import (
    Backing,
    Volume,
    backing,
    chooser,
    from_document,
    page,
    parse_options,
    to_document,
)
from whit.runtime.engine.volumes import Volumes, new_volume

if TYPE_CHECKING:
    from pathlib import Path

DATA = Volume("data", 1_700_000_000_000_000_000, labels=(("a", "b"),))


def test_a_volume_is_the_same_after_it_was_written_down() -> None:
    assert from_document(to_document(DATA), "x") == DATA


@pytest.mark.parametrize("document", [[], {}, {"schema": "other"}, {**to_document(DATA), "schema": "whit-volume/9"}])
def test_other_documents_are_refused(document: object) -> None:
    with pytest.raises(InvalidFileError, match="no description of a volume"):
        from_document(document, "x")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], Backing("/data")),
        (["type=none", "device=/srv", "o=bind"], Backing("/srv", options=("nonrecursive",))),
        (["type=none", "device=/srv", "o=rbind,ro"], Backing("/srv", options=("ro",))),
        (["type=tmpfs", "device=tmpfs", "o=size=1m,uid=7"], Backing("tmpfs", "tmpfs", ("size=1m", "uid=7"))),
        (["type=ext4", "device=/dev/x"], Backing("/dev/x", "ext4")),
    ],
)
def test_the_local_driver_s_options_say_what_is_mounted(options: list[str], found: Backing) -> None:
    assert backing(Volume("data", 0, options=parse_options(options)), "/data") == found


@pytest.mark.parametrize(
    "options",
    [
        ["o=ro"],
        ["type=tmpfs"],
        ["device=/x"],
        ["colour=red"],
        ["size=1m", "type=a", "device=b"],
        ["size=0"],
        ["size=x"],
    ],
)
def test_options_that_docker_refuses_are_refused(options: list[str]) -> None:
    with pytest.raises(UsageError):
        parse_options(options)


def test_a_page_is_docker_s() -> None:
    assert page(DATA, "/v/data") == {
        "CreatedAt": "2023-11-14T22:13:20Z",
        "Driver": "local",
        "Labels": {"a": "b"},
        "Mountpoint": "/v/data",
        "Name": "data",
        "Options": None,
        "Scope": "local",
    }


@pytest.mark.parametrize(
    ("filters", "chosen"),
    [
        ([], True),
        (["name=at"], True),
        (["name=x"], False),
        (["name=x", "name=dat"], True),
        (["label=a"], True),
        (["label=a=c"], False),
        (["label!=a"], False),
        (["driver=local"], True),
        (["dangling=true"], True),
        (["dangling=0"], False),
    ],
)
def test_filters_are_docker_s(filters: list[str], chosen: bool) -> None:
    assert chooser(filters, lambda _: False)(DATA) is chosen


@pytest.mark.parametrize("text", ["name", "colour=red", "dangling=maybe"])
def test_other_filters_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        chooser([text], lambda _: False)


def test_one_that_is_there_is_given_again_but_not_with_other_options(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path / "root")
    memory = (("device", "tmpfs"), ("type", "tmpfs"))
    with volumes.using():
        first = volumes.make(new_volume("data"))
        assert volumes.make(new_volume("data")) == first
        with pytest.raises(UsageError, match="other options"):
            volumes.make(new_volume("data", memory))
    assert volumes.every() == (first,)


@pytest.mark.parametrize("name", ["", ".", "..", "../data", "lock", ".tmp-1"])
def test_nothing_else_of_the_store_s_is_a_volume(tmp_path: Path, name: str) -> None:
    volumes = Volumes(tmp_path / "root")
    with volumes.using(), pytest.raises(NotFoundError):
        volumes.find(name)
