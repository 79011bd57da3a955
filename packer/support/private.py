"""Folders that nobody else can change: what whit reads from one, nobody else has put there."""

from __future__ import annotations

import os
import stat

from whit.packer.support.errors import StoreError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def check_private(folder: Path | str) -> None:
    """Refuse a folder that is not ours or that others can write. Raises :class:`StoreError`, and OSError where there is none."""
    state = os.lstat(folder)
    if stat.S_ISLNK(state.st_mode) and state.st_uid == os.geteuid():
        raise StoreError(f"{folder} is a link", hint=f"name the folder itself: {os.path.realpath(folder)}")
    if not stat.S_ISDIR(state.st_mode):
        raise StoreError(f"{folder} is not a folder", hint="remove it, or set WHIT_ROOT to another folder")
    if state.st_uid != os.geteuid():
        raise StoreError(f"{folder} belongs to another user", hint="set WHIT_ROOT to a folder of your own")
    if state.st_mode & 0o022:
        raise StoreError(f"{folder} can be written by other users", hint=f"chmod go-w {folder}")
