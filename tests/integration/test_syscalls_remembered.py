"""What was found in a program's code is remembered: by its bytes, for its owner, and only whole."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.programs.make_elf import EXECUTE, READ, Elf, Segment
from whit.packer.syscalls import remembered
from whit.packer.syscalls.analyse import find
from whit.packer.syscalls.remembered import find_once

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.syscalls.found import Findings

CODE = bytes.fromhex("b827000000 0f05 8b0424 0f05 cd80 c3")  # mov eax, 39; syscall; mov eax, [rsp]; syscall; int 0x80
OTHER = bytes.fromhex("b828000000 0f05 c3")  # mov eax, 40; syscall; ret


def _program(code: bytes = CODE) -> bytes:
    return Elf(segments=(Segment(code, flags=READ | EXECUTE),)).build()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WHIT_ROOT", str(tmp_path / "root"))
    return tmp_path / "root/cache/syscalls"


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Each time that code is really read, its size."""
    made: list[int] = []

    def counted(data: bytes) -> Findings:
        made.append(len(data))
        return find(data)

    monkeypatch.setattr(remembered, "find", counted)
    return made


def test_the_same_bytes_are_searched_once(folder: Path, searches: list[int]) -> None:
    first = find_once(_program())
    second = find_once(_program())

    assert first == second == find(_program())
    assert first.unknown
    assert first.foreign
    assert len(searches) == 1
    assert len(list(folder.iterdir())) == 1


def test_other_bytes_are_searched_themselves(folder: Path, searches: list[int]) -> None:
    find_once(_program())

    assert find_once(_program(OTHER)).numbers == {40}
    assert len(searches) == 2
    assert len(list(folder.iterdir())) == 2


def test_only_the_owner_can_read_records(folder: Path) -> None:
    find_once(_program())

    (record,) = folder.iterdir()
    assert record.stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["cut", "empty", "another number", "no record"])
def test_a_damaged_record_is_none(folder: Path, searches: list[int], damage: str) -> None:
    whole = find_once(_program())
    (record,) = folder.iterdir()
    text = record.read_bytes()
    damaged = {
        "cut": text[:-9],
        "empty": b"",
        "another number": text.replace(b"39", b"38"),
        "no record": json.dumps({"entries": 3}).encode(),
    }
    record.write_bytes(damaged[damage])

    assert find_once(_program()) == whole
    assert len(searches) == 2
    assert record.read_bytes() == text


def test_a_folder_that_others_can_write_to_is_not_believed(folder: Path, searches: list[int]) -> None:
    find_once(_program())
    folder.chmod(0o777)

    find_once(_program())

    assert len(searches) == 2


def test_only_so_many_records_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_MOST", 1)

    find_once(_program())
    find_once(_program(OTHER))

    assert len(list(folder.iterdir())) == 1


def test_the_command_uses_what_it_found_before(whit: Path, folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(_program())
    program.chmod(0o755)

    pages = [
        subprocess.run([whit, "syscalls", "--json", program], capture_output=True, timeout=60, check=True).stdout
        for _ in range(2)
    ]

    assert pages[0] == pages[1]
    assert len(list(folder.iterdir())) == 1
