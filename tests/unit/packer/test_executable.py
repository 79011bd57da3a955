"""The edge between a path and its analysis: only regular files, nothing that waits, nothing that changes unnoticed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.programs.make_elf import Elf
from whit.packer.executable.analysis import Linkage, Wanted
from whit.packer.executable.file import open_executable
from whit.packer.support.errors import InvalidFileError, NotFoundError, UnsupportedError, WhitError

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING = Wanted()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "server"
    path.write_bytes(Elf().build())
    return path


def test_an_executable_comes_with_its_name_identity_and_analysis(program: Path) -> None:
    status = program.stat()

    executable = open_executable(str(program), NOTHING)

    assert (executable.path, executable.name) == (str(program), "server")
    assert executable.file.path == str(program)
    assert executable.file.identity == (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    assert executable.file.size == executable.analysis.size == status.st_size
    assert executable.analysis.linkage is Linkage.STATIC


def test_a_relative_path_is_kept_for_people_and_made_absolute_for_reading(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(program.parent)

    executable = open_executable("./server", NOTHING)

    assert (executable.path, executable.name, executable.file.path) == ("./server", "server", str(program))


def test_a_link_keeps_its_own_name(program: Path) -> None:
    link = program.with_name("current")
    link.symlink_to(program)

    assert open_executable(str(link), NOTHING).name == "current"


def refused(path: Path | str, kind: type[WhitError], words: str) -> WhitError:
    with pytest.raises(kind, match=words) as caught:
        open_executable(str(path), NOTHING)
    assert caught.value.message.startswith(f"{path}: ")
    assert "\n" not in caught.value.message
    return caught.value


def test_a_missing_file_is_named_with_the_nearest_that_is_there(program: Path) -> None:
    error = refused(program.with_name("sever"), NotFoundError, "no such file")

    assert error.hint == f"did you mean {program}?"


def test_a_program_that_only_a_shell_would_find_is_named_with_its_path() -> None:
    error = refused("sh", NotFoundError, "no such file")

    assert error.hint == f"for this machine's program give its path: {shutil.which('sh')}"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path / "bin" / "server", NotFoundError, "no such file")

    assert error.hint == f"there is no directory {tmp_path / 'bin'}"


def test_a_path_through_a_file_is_missing(program: Path) -> None:
    refused(program / "more", NotFoundError, "no such file")


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)

    refused(loop, InvalidFileError, "Too many levels of symbolic links")


@contextlib.contextmanager
def without_root() -> Iterator[None]:
    """Have no more rights on files than anybody, for as long as the block takes."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")

        refused(tmp_path, InvalidFileError, "a directory, not an executable")
        refused("fifo", InvalidFileError, "a FIFO")
        refused("socket", InvalidFileError, "a socket")
        refused("/dev/null", InvalidFileError, "a device")


def test_an_unreadable_file_is_refused(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program.chmod(0o111)
    monkeypatch.chdir(program.parent)

    with without_root():
        assert "readable" in (refused(program.name, InvalidFileError, "permission denied").hint or "")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    refused(tmp_path / "empty", InvalidFileError, "the file is empty")


def test_a_huge_hole_is_refused_by_its_first_bytes(tmp_path: Path) -> None:
    hole = tmp_path / "hole"
    hole.touch()
    os.truncate(hole, 4 << 30)

    refused(hole, InvalidFileError, "zeros only")


def test_an_executable_before_a_huge_hole_is_read_where_it_says(program: Path) -> None:
    os.truncate(program, 4 << 30)

    assert open_executable(str(program), Wanted(strings=frozenset({b"not there"}))).analysis.size == 4 << 30


def test_an_executable_that_claims_to_load_gigabytes_is_refused(tmp_path: Path) -> None:
    head = bytearray(Elf().build())
    size = 3 << 30
    head[64 + 32 : 64 + 48] = size.to_bytes(8, "little") * 2
    path = tmp_path / "huge"
    path.write_bytes(head)
    os.truncate(path, 4 << 30)

    refused(path, UnsupportedError, "more than 2 GiB to load")


def test_a_file_cut_within_its_segments_is_refused(program: Path) -> None:
    os.truncate(program, program.stat().st_size - 1)

    assert "again" in (refused(program, InvalidFileError, "truncated ELF file").hint or "")


def test_a_script_is_refused_by_its_interpreter(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/usr/bin/env python3\n")

    refused(script, UnsupportedError, "a script for /usr/bin/env python3")


def test_no_file_stays_open(program: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("words")
    before = len(list(Path("/proc/self/fd").iterdir()))

    open_executable(str(program), NOTHING)
    refused(tmp_path / "text", InvalidFileError, "a text file")

    assert len(list(Path("/proc/self/fd").iterdir())) == before
