"""What is remembered of a packed image, and when it isn't trusted."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.programs.build import build
from tests.unit.packer.test_imagespec import spec
from whit.packer.image import packcache
from whit.packer.image.reference import parse_reference
from whit.packer.image.spec import PackOptions
from whit.packer.pipeline import Order, pack
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

LONG_AGO = 60_000_000_000
"""In nanoseconds: what changed before then lies still."""


@pytest.mark.parametrize(("role", "trusted"), [("folders", False), ("watched", False), ("neither", True)])
def test_a_folder_that_changed_since_packing_began_may_have_been_read_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str, trusted: bool
) -> None:
    # given an image, and a folder that got a file while it was packed
    monkeypatch.setenv("WHIT_ROOT", str(tmp_path / "store"))
    store = Store.open()
    record = pack(Order(str(build("exit", "c-musl")), PackOptions()), store, (parse_reference("exit"),))
    began = time.time_ns()
    folder = tmp_path / "folder"
    folder.mkdir()
    # when the image is remembered
    folders, watched = ((str(folder),) if role == one else () for one in ("folders", "watched"))
    packcache.remember(store, "key", replace(spec(), layers=()), record, folders, watched, since=began)
    # then the record is trusted only if the folder had no part in it
    assert (packcache.recall(store, "key") is not None) is trusted


def test_a_folder_that_lies_still_is_remembered_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHIT_ROOT", str(tmp_path / "store"))
    store = Store.open()
    record = pack(Order(str(build("exit", "c-musl")), PackOptions()), store, (parse_reference("exit"),))
    folder = tmp_path / "folder"
    folder.mkdir()
    later = time.time_ns() + LONG_AGO
    packcache.remember(store, "key", replace(spec(), layers=()), record, (str(folder),), since=later)
    assert packcache.recall(store, "key") is not None
    (folder / "new").write_text("")
    assert packcache.recall(store, "key") is None


def test_any_rule_of_the_packer_s_that_changes_makes_what_was_packed_before_another() -> None:
    parts = {path.rpartition("/packer/")[2] for path, _, _ in packcache.code_key()}
    assert {"needs/ca.py", "closure/glibc.py", "elf/strip.py", "image/spec.py"} <= parts
