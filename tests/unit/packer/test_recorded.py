"""Owners that a builder's namespace hasn't got, recorded with the files, and read by whoever makes a layer of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.builds import seen
from whit.packer.tar.recorded import OWNER, withhold
from whit.packer.tar.tree import TreeReader

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.root


def owners(folder: Path, *, recorded: bool) -> dict[str, object]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        data = b"".join(TreeReader(recorded=recorded).tar(descriptor, b""))
    finally:
        os.close(descriptor)
    assert b"user.whit" not in data
    return {name: (uid, gid) for name, (_, _, uid, gid, *_) in seen(data).items()}


def test_only_what_is_recorded_of_root_s_files_counts_and_only_where_users_are_few(tmp_path: Path) -> None:
    for name, real in (("somebody's", 0), ("a program's own", 1000)):
        (tmp_path / name).touch()
        os.setxattr(tmp_path / name, OWNER, b"0:5" if real else b"7:8")
        os.chown(tmp_path / name, real, real)
    (tmp_path / "link").symlink_to("nowhere")
    os.setxattr(tmp_path, "user.whit.link.link", b"9:9")
    os.setxattr(tmp_path, "user.whit.link.somebody's", b"9:9")
    assert owners(tmp_path, recorded=True) == {"somebody's": (7, 8), "a program's own": (1000, 1000), "link": (9, 9)}
    assert owners(tmp_path, recorded=False) == {"somebody's": (0, 0), "a program's own": (1000, 1000), "link": (0, 0)}


def test_a_recorded_mode_holds_until_a_program_gives_the_file_another(tmp_path: Path) -> None:
    for name, mode in (("left", 0o4755), ("closed", 0o4755), ("root's bits", 0o4755), ("of the group", 0o6755)):
        path = tmp_path / name
        path.touch()
        os.setxattr(path, OWNER, b"0:8" if name == "of the group" else b"7:8")
        path.chmod(withhold(str(path), (0, 8) if name == "of the group" else (7, 8), mode))
    assert {path.name: oct(path.stat().st_mode & 0o7777) for path in tmp_path.iterdir()} == {
        "left": "0o755", "closed": "0o755", "root's bits": "0o755", "of the group": "0o4755",
    }  # fmt: skip
    (tmp_path / "closed").chmod(0o700)
    (tmp_path / "root's bits").chmod(0o6755)
    os.link(tmp_path / "left", tmp_path / "same")
    assert modes(tmp_path) == {
        "left": "0o4755", "same": "0o4755", "closed": "0o700", "root's bits": "0o6755", "of the group": "0o6755",
    }  # fmt: skip


def modes(folder: Path) -> dict[str, object]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return {
            name: mode for name, (_, mode, *_) in seen(b"".join(TreeReader(recorded=True).tar(descriptor, b""))).items()
        }
    finally:
        os.close(descriptor)
