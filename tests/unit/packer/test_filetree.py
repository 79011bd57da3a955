"""Looking at another system's files: links are followed inside it and never lead out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from whit.packer.store.filetree import HostTree, MemoryTree, follow, sysroot
from whit.packer.support.errors import NotFoundError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system whose /lib is a link, as on most today; a secret lies beside it."""
    system = tmp_path / "system"
    (system / "usr/lib").mkdir(parents=True)
    (system / "usr/lib/libz.so.1.2").write_bytes(b"inside")
    (system / "lib").symlink_to("usr/lib")
    (system / "usr/lib/libz.so.1").symlink_to("libz.so.1.2")
    (system / "usr/lib/absolute.so").symlink_to("/usr/lib/libz.so.1")
    (tmp_path / "secret").write_bytes(b"outside")
    return system


def test_links_are_followed_as_if_the_folder_were_the_whole_system(root: Path) -> None:
    tree = sysroot(str(root))
    for path in ("/lib/libz.so.1", "/usr/lib/absolute.so", "/lib/../lib/./absolute.so"):
        assert tree.read(path) == b"inside"
        found = tree.file(path)
        assert found is not None
        assert found.path == f"{root}/usr/lib/libz.so.1.2"
        with tree.mapped(path) as data:
            assert data[:] == b"inside"


@pytest.mark.parametrize("target", ["../secret", "/../secret", "../../../../../../{outside}", "{outside}"])
def test_nothing_leads_out(root: Path, target: str) -> None:
    outside = str(root.parent / "secret")
    (root / "way-out").symlink_to(target.format(outside=outside))
    tree = sysroot(str(root))
    for path in ("/way-out", "/../secret", f"/..{outside}", f"/lib/../../..{outside}"):
        assert tree.file(path) is None
        with pytest.raises(OSError):  # noqa: PT011 - not there, or not a folder
            tree.read(path)
    assert tree.place("/../../etc/passwd") == f"{root}/etc/passwd"


def test_links_in_a_circle_lead_nowhere(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    tree = sysroot(str(root))
    assert tree.file("/a") is None
    assert tree.children("/a") == ()
    with pytest.raises(OSError, match="symbolic links"):
        tree.read("/a/x")


def test_two_names_of_one_file_are_one_file(root: Path) -> None:
    tree = sysroot(str(root))
    first, second = tree.file("/lib/libz.so.1"), tree.file("/usr/lib/absolute.so")
    assert first is not None
    assert second is not None
    assert first.identity == second.identity


def test_a_file_of_this_machine_has_a_path_inside_if_it_is_inside(root: Path) -> None:
    tree = sysroot(str(root))
    assert tree.inside(f"{root}/lib/libz.so.1") == "/usr/lib/libz.so.1.2"
    assert tree.inside(f"{root}/../secret") is None
    assert tree.inside(f"{root}-other/x") is None


def test_only_regular_files_are_files(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "empty").touch()
    for tree in (sysroot(str(root)), HostTree()):
        top = "" if tree != HostTree() else str(root)
        assert tree.file(f"{top}/pipe") is None
        assert tree.file(f"{top}/usr") is None
        assert tree.file(f"{top}/with\0nul") is None
        with pytest.raises(OSError), tree.mapped(f"{top}/pipe"):  # noqa: PT011 - must not wait, whatever it says
            pass
        with tree.mapped(f"{top}/empty") as data:
            assert data[:] == b""


def test_the_whole_machine_is_a_system_too(root: Path) -> None:
    assert sysroot("/") == HostTree()
    with pytest.raises(NotFoundError):
        sysroot(f"{root}/usr/lib/libz.so.1.2")


def test_the_tree_in_memory_follows_links_too() -> None:
    tree = MemoryTree({"/usr/lib/x.so": b"x"}, {"/lib": "usr/lib", "/lib64": "/lib"})
    assert tree.read("/lib64/x.so") == b"x"
    assert tree.file("/lib64/y.so") is None
    assert follow("/lib64/../lib/./x.so", tree.links.get) == "/usr/lib/x.so"


def test_the_folders_of_links_that_were_followed_are_told(root: Path) -> None:
    tree = sysroot(str(root))
    assert tree.turns() == ()
    assert tree.file("/lib/libz.so.1")
    assert tree.turns() == (str(root), f"{root}/usr/lib")
