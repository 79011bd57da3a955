"""A tree's digest: what changes it, what doesn't, and what isn't read again."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from whit.packer.support.errors import InvalidFileError
from whit.toolchains import tree
from whit.toolchains.tree import Snapshot, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NONE: frozenset[str] = frozenset()


def taken(root: Path, index: Path | None = None) -> Snapshot:
    return snapshot([str(root)], frozenset({"nimcache"}), frozenset({str(root / "out.tar")}), index)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "cmd").mkdir(parents=True)
    (root / "go.mod").write_text("module m\n")
    (root / "cmd" / "main.go").write_text("package main\n")
    return root


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "go.mod").write_text("module n\n"),
    "a new file": lambda root: (root / "new").touch(),
    "a file less": lambda root: (root / "go.mod").unlink(),
    "another name": lambda root: (root / "go.mod").rename(root / "go.sum"),
    "another folder": lambda root: (root / "cmd").rename(root / "dmc"),
    "an empty folder": lambda root: (root / "empty").mkdir(),
    "executable": lambda root: (root / "go.mod").chmod(0o755),
    "a link": lambda root: (root / "link").symlink_to("go.mod"),
}
SAME: dict[str, Callable[[Path], object]] = {
    "times": lambda root: os.utime(root / "go.mod", (1, 1)),
    "a repository": lambda root: (root / ".git").mkdir(),
    "a builder's own folder": lambda root: (root / "cmd" / "nimcache").mkdir(),
    "the output": lambda root: (root / "out.tar").write_bytes(b"tar"),
    "a socket": lambda root: os.mknod(root / "socket", stat.S_IFSOCK | 0o600),
    "others' permissions": lambda root: (root / "go.mod").chmod(0o600),
}


def test_files_above_are_part_of_it_wherever_it_is_along_with_them(project: Path, tmp_path: Path) -> None:
    """Given a tree with a file above it, when both have moved, then it is the same; with another content, place or none it isn't."""

    def with_file(root: Path, file: str) -> str:
        return snapshot([str(root), str(root / file)], NONE, NONE, None).digest

    (tmp_path / "nim.cfg").write_text("one")
    first = with_file(project, "../nim.cfg")
    assert first != taken(project).digest
    moved = tmp_path / "moved"
    shutil.copytree(project, moved / "project")
    (moved / "nim.cfg").write_text("one")
    assert with_file(moved / "project", "../nim.cfg") == first
    assert with_file(moved / "project", "../../nim.cfg") != first
    (moved / "nim.cfg").write_text("two")
    assert with_file(moved / "project", "../nim.cfg") != first


UNREAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (lambda root: os.mkfifo(root / "x.go"), "x.go is a pipe, which no compiler should read"),
    "a link to a device": (lambda root: (root / "x.go").symlink_to("/dev/zero"), "x.go is a device, which"),
    "a link to what the kernel tells": (
        lambda root: (root / "x.go").symlink_to("/proc/kmsg"),
        "x.go leads to /proc/kmsg, which is no file of anybody's sources",
    ),
}


@pytest.mark.parametrize("what", UNREAD)
def test_what_has_no_end_is_refused_before_a_compiler_waits_for_it(project: Path, what: str) -> None:
    make, message = UNREAD[what]
    make(project)
    with pytest.raises(InvalidFileError, match=message):
        taken(project)


def test_links_to_the_empty_device_and_folders_as_deep_as_can_be_are_nothing_odd(project: Path) -> None:
    (project / "masked").symlink_to(os.devnull)
    here = os.open(project, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert taken(project).files == 2
    subprocess.run(["rm", "-rf", project / "d"], check=True)


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_the_digest(project: Path, what: str) -> None:
    before = taken(project)
    CHANGES[what](project)
    assert taken(project).digest != before.digest


@pytest.mark.parametrize("what", SAME)
def test_what_doesn_t(project: Path, what: str) -> None:
    before = taken(project)
    SAME[what](project)
    assert taken(project).digest == before.digest


def test_a_folder_that_marks_itself_as_a_cache_is_no_part_of_it(project: Path) -> None:
    before = taken(project)
    (project / "target").mkdir()
    (project / "target" / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55")
    (project / "target" / "large").write_text("x")
    assert taken(project).digest == before.digest


def test_the_same_tree_in_another_folder_has_the_same_digest(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "elsewhere" / "other")
    assert taken(tmp_path / "elsewhere" / "other") == taken(project)


def test_a_link_to_a_file_outside_brings_its_content(project: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("one")
    (project / "link").symlink_to("../outside")
    before = taken(project)
    assert before.leaves == ()
    (tmp_path / "outside").write_text("two")
    assert taken(project).digest != before.digest


@pytest.mark.parametrize("target", ["..", "/", "../../.."])
def test_a_link_to_a_folder_outside_is_told_and_not_followed(project: Path, target: str) -> None:
    (project / "link").symlink_to(target)
    assert taken(project).leaves == (str(project / "link"),)


@pytest.mark.parametrize("target", ["nowhere", "link", "../project/cmd"])
def test_links_that_lead_nowhere_in_circles_or_back_in_are_links(project: Path, target: str) -> None:
    (project / "link").symlink_to(target)
    assert taken(project).leaves == ()


def test_what_was_read_isn_t_read_again(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = tmp_path / "cache" / "index.json"
    monkeypatch.setattr(tree, "_SETTLED_NS", -(10**18))
    first = taken(project, index)
    monkeypatch.setattr(tree, "_digest", lambda path: pytest.fail(f"{path} was read again"))
    assert taken(project, index) == first


def test_what_has_just_changed_is_read_again(project: Path, tmp_path: Path) -> None:
    index = tmp_path / "cache" / "index.json"
    (project / "go.mod").write_text("module x\n")
    taken(project, index)
    assert str(project / "go.mod") not in (json.loads(index.read_text()) if index.exists() else {})


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b'{"a": 1}', b'{"a": [1]}', b"\xff\xfe"])
def test_a_damaged_index_is_none(project: Path, tmp_path: Path, damage: bytes) -> None:
    index = tmp_path / "cache" / "index.json"
    first = taken(project, index)
    index.parent.mkdir(exist_ok=True, mode=0o700)
    index.write_bytes(damage)
    assert taken(project, index) == first


def test_what_can_t_be_read_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(InvalidFileError, match=r"main\.go can't be read: permission denied"):
        taken(project)


def test_names_that_aren_t_unicode(project: Path, tmp_path: Path) -> None:
    (project / os.fsdecode(b"a\xff")).write_text("x")
    index = tmp_path / "cache" / "index.json"
    assert taken(project, index) == taken(project, index)
