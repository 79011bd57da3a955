"""Which language a folder is in, by the names of its files."""

from __future__ import annotations

import pytest

from whit.packer.support.errors import NotFoundError, UsageError
from whit.toolchains.detect import chosen_manifest, chosen_sources, language_of
from whit.toolchains.model import Language


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["go.mod", "main.go", "Makefile", "Dockerfile"], (Language.GO, "go.mod")),
        (["go.work", "go.mod"], (Language.GO, "go.work")),
        (["Cargo.toml", "Cargo.lock", "Makefile"], (Language.RUST, "Cargo.toml")),
        (["build.zig", "build.zig.zon", "helper.c"], (Language.ZIG, "build.zig")),
        (["server.nimble", "server.nim"], (Language.NIM, "server.nimble")),
        (["Makefile", "main.c"], (Language.C, "Makefile")),
        (["Makefile", "CMakeLists.txt", "meson.build"], (Language.C, "CMakeLists.txt")),
    ],
)
def test_a_language_s_own_project_file_decides(names: list[str], expected: tuple[Language, str]) -> None:
    assert chosen_manifest("x", names, None) == expected


def test_two_languages_with_project_files_are_for_a_person_to_choose_from() -> None:
    names = ["go.mod", "Cargo.toml"]
    with pytest.raises(UsageError, match=r"several languages: go\.mod, Cargo\.toml") as told:
        chosen_manifest("x", names, None)
    assert told.value.hint == "--language says which to build: go or rust"
    assert chosen_manifest("x", names, Language.RUST) == (Language.RUST, "Cargo.toml")
    assert chosen_manifest("x", names, Language.NIM) is None


def test_a_makefile_tells_c_where_c_is_asked_for() -> None:
    assert chosen_manifest("x", ["go.mod", "Makefile"], Language.C) == (Language.C, "Makefile")


def test_without_a_project_file_sources_of_one_language_are_a_program() -> None:
    assert chosen_sources("x", ["main.go", "main_test.go", "README"], None) == (Language.GO, ("main.go",))
    assert chosen_sources("x", ["b.c", "a.c", "a.h"], None) == (Language.C, ("a.c", "b.c"))


def test_sources_of_two_languages_are_for_a_person_to_choose_from() -> None:
    with pytest.raises(UsageError, match="several languages: nim, c"):
        chosen_sources("x", ["a.nim", "b.c"], None)
    assert chosen_sources("x", ["a.nim", "b.c"], Language.NIM) == (Language.NIM, ("a.nim",))


def test_a_folder_without_sources_says_what_would_be_some() -> None:
    with pytest.raises(NotFoundError, match=r"x: there is no whit\.yaml, no Dockerfile, and no source") as told:
        chosen_sources("x", ["README"], None)
    assert "go.mod" in (told.value.hint or "")


@pytest.mark.parametrize("name", [".go", "a_test.go", "a.h", "go", "a.", ".c"])
def test_no_source(name: str) -> None:
    assert language_of(name) is None
