"""Whole files that people name: nothing is waited for, and nothing is read without end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from whit.packer.buildfile.build import reading
from whit.packer.support.errors import UsageError
from whit.packer.support.regular import read_regular

if TYPE_CHECKING:
    from pathlib import Path


def test_a_regular_file_is_read_whole_through_links_up_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", 5) == b"12345"
    with pytest.raises(UsageError, match="file has more than 4 bytes"):
        read_regular(tmp_path / "file", 4)
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none", 4)


@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "Dockerfile"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(UsageError, match="Dockerfile is no regular file"):
        read_regular(path, 4)
    with pytest.raises(UsageError, match="Dockerfile is no regular file"):
        reading.secrets([f"id=word,src={path}"])
