"""A current folder that somebody has removed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from whit.packer.support.errors import as_whit_error

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_current_folder_that_was_removed_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a command in a folder that is removed
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    # when something asks for it
    try:
        os.getcwd()  # noqa: PTH109 - what is asked about
    except FileNotFoundError as error:
        told = as_whit_error(error)
    # then it is told in words
    assert (told.message, told.hint) == ("the current folder is there no more", "go to one that is: cd")


def test_a_file_that_is_missing_is_told_by_its_name() -> None:
    assert (
        as_whit_error(FileNotFoundError(2, "No such file or directory", "/x")).message
        == "/x: No such file or directory"
    )
