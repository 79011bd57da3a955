"""Folders below the root that are no containers: they aren't listed, and nothing in them is removed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.oci_bundle import Bundle

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


def _below_root(bundle: Bundle, files: dict[str, bytes]) -> Path:
    folder = bundle.folder / "state" / "vm"
    folder.mkdir(parents=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.mark.parametrize("options", [(), ("--force",)])
@pytest.mark.parametrize(
    "files",
    [
        {"config.json": b"{}"},
        {"config.json": b"{}", "state.json": b"{}"},
        {"plan": b"go home"},
        {"plan": b"", "other": b""},
        {"plan/b": b"", "letter": b""},
    ],
    ids=["a bundle", "another runtime's", "a plan", "a plan among others", "folders"],
)
def test_what_is_no_container_keeps_its_files(
    bundle: Bundle, files: dict[str, bytes], options: tuple[str, ...]
) -> None:
    folder = _below_root(bundle, files)

    deleted = bundle.call("delete", *options, "vm")

    assert deleted.code == 1
    assert "is no container of whit-oci's" in deleted.err
    assert {name: (folder / name).read_bytes() for name in files} == files


def test_only_containers_are_listed(bundle: Bundle) -> None:
    _below_root(bundle, {"config.json": b"{}", "state.json": b'{"id": "vm"}'})
    bundle.write("sleep 600")
    assert bundle.create("one") == 0
    try:
        listed = json.loads(bundle.call("list", "--format", "json").out)
    finally:
        bundle.call("delete", "--force", "one")
    assert [container["id"] for container in listed] == ["one"]


@pytest.mark.parametrize("written", [b"", b"WHIT"])
def test_a_creation_that_was_killed_at_its_first_record_is_deleted(bundle: Bundle, written: bytes) -> None:
    folder = _below_root(bundle, {"plan": written})
    assert bundle.call("delete", "vm").code == 1
    assert bundle.call("delete", "--force", "vm").code == 0
    assert not folder.exists()


@pytest.mark.parametrize("kept", [False, True])
def test_a_container_that_lacks_any_later_record_is_deleted(bundle: Bundle, kept: bool) -> None:
    # Given a container, made by Python or by its kept plan: the mark is what is written first, and removed last
    bundle.write("sleep 600")
    for name in ("first", "second") if kept else ("first",):
        assert bundle.create(name) == 0
    folder = bundle.folder / "state" / name
    assert bundle.call("kill", name, "KILL").code == 0
    for path in list(folder.iterdir()):
        if path.name != "plan":
            path.unlink()

    assert bundle.call("delete", "--force", name).code == 0

    assert not folder.exists()
    bundle.call("delete", "--force", "first")
