"""What a trace knows of the machine and of the files of an image."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from whit.runtime.trace.target import ThisMachine, opened_by_kernel
from whit.runtime.trace.verdict import Lacking

if TYPE_CHECKING:
    from pathlib import Path


def program_for(loader: bytes) -> bytes:
    """A 64-bit little-endian ELF file of one program header, which names a loader."""
    text = loader + b"\0"
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, len(text), len(text), 1) + text


def test_loaders_and_interpreters_are_found_or_lacking(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "real-loader").write_bytes(b"x")
    (tmp_path / "lib" / "loader").symlink_to("/lib/real-loader")
    (tmp_path / "good").write_bytes(program_for(b"/lib/loader"))
    (tmp_path / "bad").write_bytes(program_for(b"/lib/other"))
    (tmp_path / "script").write_bytes(b"#!/bin/sh -e\n")
    (tmp_path / "static").write_bytes(b"\x7fELF")

    there, lacking = opened_by_kernel(str(tmp_path), ("/good", "/bad", "/script", "/static", "/gone"))

    assert there == {"/lib/real-loader"}
    assert lacking == (Lacking("/lib/other", "/bad"), Lacking("/bin/sh", "/script"))


def test_files_of_the_program_are_looked_for_in_its_folders(tmp_path: Path) -> None:
    (tmp_path / "config").touch()
    machine = ThisMachine((str(tmp_path / "nowhere"), str(tmp_path)))
    assert machine.nearby("/config") == str(tmp_path / "config")
    assert machine.nearby("/other") is None
    assert machine.nearby("/") is None


@pytest.mark.parametrize("name", [".git", ".hg", ".svn"])
def test_the_history_of_sources_is_never_proposed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert ThisMachine((str(tmp_path),)).nearby(f"/{name}") is None


@pytest.mark.parametrize("path", ["/a\0b", "/" + "a" * 5000, "/\udcff"])
def test_names_that_no_file_has_do_no_harm(path: str) -> None:
    machine = ThisMachine(("",))
    assert not machine.has(path)
    assert not machine.is_directory(path)
    assert machine.nearby(path) is None
    assert not machine.is_dynamic(path)


def test_the_shell_is_found_and_known_to_be_dynamic_or_not() -> None:
    machine = ThisMachine()
    found = machine.find_program("sh")
    assert found is not None
    assert machine.has(found)
    assert machine.find_program("no-such-program") is None
