"""The system calls of a program that lies in a folder of unpacked files, with those of what it may execute there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.executable.analyse import ELF_MAGIC
from whit.packer.executable.file import opened
from whit.packer.image.callsclaim import Calls
from whit.packer.syscalls.ofimage import STARTS, names_of
from whit.packer.syscalls.remembered import find_once

if TYPE_CHECKING:
    from collections.abc import Iterator


def calls_in(root: str, program: str) -> Calls:
    """The calls of ``program``, a path of the host's in ``root``.

    If it executes others, the calls of all programs below ``root`` count as its own. Raises :class:`UnsupportedError`
    where not all are known, :class:`InvalidFileError` for a damaged file.
    """
    calls = _of(program)
    if calls & STARTS:
        for path in _programs(root):
            calls |= _of(path)
    return Calls(calls)


def _of(path: str) -> frozenset[str]:
    with opened(path) as file:
        return names_of(path, file.look(find_once))


def _programs(root: str) -> Iterator[str]:
    """Files that can be executed and are machine code; each once, whatever links lead to it."""
    seen: set[tuple[int, int]] = set()
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            status = path.lstat()
            known = (status.st_dev, status.st_ino)
            if path.is_symlink() or not path.is_file() or not status.st_mode & 0o111 or known in seen:
                continue
            seen.add(known)
            with path.open("rb") as file:
                is_code = file.read(len(ELF_MAGIC)) == ELF_MAGIC
            if is_code:
                yield str(path)
