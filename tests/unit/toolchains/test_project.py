"""Which folders and files a path stands for, with names and links as nobody should make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.toolchains.kits import FakeKit
from whit.packer.support.errors import UsageError
from whit.toolchains.go import GO
from whit.toolchains.model import Language, Project
from whit.toolchains.project import find_project
from whit.toolchains.rust import RUST
from whit.toolchains.zig import ZIG

if TYPE_CHECKING:
    from pathlib import Path

    from whit.toolchains.model import Toolchain


def test_a_line_break_in_a_source_s_name_is_told_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "a\nb.c").write_text("int main(void) { return 0; }\n")
    for context in (tmp_path, tmp_path / "a\nb.c"):
        with pytest.raises(UsageError, match=r"'a\\nb\.c'"):
            find_project(str(context))


def test_a_link_to_itself_beside_the_sources_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int main(void) { return 0; }\n")
    (tmp_path / "loop.c").symlink_to("loop.c")
    assert find_project(str(tmp_path)).files == ("a.c",)


NAMED: dict[Language, tuple[Toolchain, str, str]] = {
    Language.GO: (GO, "go.mod", "module m\nreplace foo => %s\n"),
    Language.RUST: (RUST, "Cargo.toml", '[dependencies]\nfoo = { path = "%s" }\n'),
    Language.ZIG: (ZIG, "build.zig.zon", '.{ .dependencies = .{ .foo = .{ .path = "%s" } } }'),
}


@pytest.mark.parametrize("named", ["/", "../.."])
@pytest.mark.parametrize("language", NAMED)
def test_a_folder_above_that_is_no_module_isn_t_read_through(language: Language, named: str) -> None:
    toolchain, manifest, text = NAMED[language]
    project = Project(language, "/a/b/c", "/a/b/c", "c", manifest)
    place = "/" if named == "/" else "/a"
    with pytest.raises(UsageError, match=f"{manifest} names {place}, which holds the project itself"):
        toolchain.outside(project, FakeKit({f"/a/b/c/{manifest}": text % named}))


@pytest.mark.parametrize("language", NAMED)
def test_a_module_above_its_examples_is_one(language: Language) -> None:
    toolchain, manifest, text = NAMED[language]
    project = Project(language, "/a/b/c", "/a/b/c", "c", manifest)
    machine = FakeKit({f"/a/b/c/{manifest}": text % "../..", f"/a/{manifest}": ""})
    assert toolchain.outside(project, machine) == ("/a",)
