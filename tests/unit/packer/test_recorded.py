"""Owners that a builder's namespace hasn't got, recorded with the files, and read by whoever makes a layer of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.builds import seen
from whit.packer.tar.recorded import OWNER
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
