"""What Nim says that it has read, and what of that is watched."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from tests.unit.toolchains.kits import FakeKit
from whit.toolchains.cache import _state
from whit.toolchains.nimpackages import read_by, versions

if TYPE_CHECKING:
    from pathlib import Path


def listed(*read: str, compiled: tuple[str, ...] = ()) -> FakeKit:
    document = {"depfiles": [[path, "0" * 40] for path in read], "compile": [[path, "cc"] for path in compiled]}
    return FakeKit({"/out/nimcache-svc/svc.json": json.dumps(document), "/out/nimcache-svc/a.c": ""})


def test_files_of_packages_and_all_versions_of_them_are_watched_but_not_the_tree_s_own() -> None:
    kit = listed("/p/svc.nim", "/h/.nimble/pkgs/words-1.0.0/words/a.nim", compiled=("/out/x.c", "/dev/words/b.c"))
    assert read_by(["/out/nimcache-svc"], ("/out", "/p"), kit) == (
        "/dev/words/b.c",
        "/h/.nimble/pkgs/words-*",
        "/h/.nimble/pkgs/words-1.0.0/words/a.nim",
        "/h/.nimble/pkgs2/words-*",
    )


def test_a_list_that_is_none_tells_of_nothing() -> None:
    for text in ("", "[", "{}", '{"depfiles": [1]}', '{"depfiles": [["a", ""], ["/a\\u0000", ""]]}'):
        assert read_by(["/out"], (), FakeKit({"/out/x.json": text})) == ()
    assert read_by(["/nowhere"], (), FakeKit()) == ()


def test_a_package_s_versions_are_those_of_its_name_in_both_of_nimble_s_folders() -> None:
    of_a_newer_nimble = "/n/pkgs2/a_b-1.0-0123/src/x.nim"
    assert versions(of_a_newer_nimble) == ("/n/pkgs/a_b-*", "/n/pkgs2/a_b-*")
    assert versions("/usr/lib/nim/lib/system.nim") == ()


def test_a_path_that_stands_for_several_is_as_it_was_while_the_same_names_are_there(tmp_path: Path) -> None:
    pattern = os.fsencode(tmp_path / "words-*")
    before = _state(pattern)
    (tmp_path / "others-1").mkdir()
    assert _state(pattern) == before == ()
    (tmp_path / "words-1").mkdir()
    one = _state(pattern)
    (tmp_path / "words-2").mkdir()
    assert len({before, one, _state(pattern)}) == 3
    assert _state(os.fsencode(tmp_path / "nowhere" / "words-*")) == ()
