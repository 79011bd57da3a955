"""The system calls of a program that lies in a folder of unpacked files, with those of what it may execute there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.executable.analyse import ELF_MAGIC
from whit.packer.executable.file import opened
from whit.packer.image.callsclaim import Calls
from whit.packer.support.errors import UnsupportedError
from whit.packer.syscalls.names import STARTS
from whit.packer.syscalls.ofimage import known_names, names_of
from whit.packer.syscalls.remembered import find_once

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class FoundInFolder:
    """The calls of a program and of what it may execute; ``lacking`` tells of each program of which not all are known, and why."""

    names: frozenset[str]
    lacking: tuple[UnsupportedError, ...]


def calls_in(root: str, program: str, added: frozenset[str] = frozenset()) -> Calls:
    """The calls of ``program``, a path of the host's in ``root``, and ``added`` ones.

    If it executes others, the calls of all programs below ``root`` count as its own. Raises :class:`UnsupportedError`
    where not all are known, :class:`InvalidFileError` for a damaged file.
    """
    found = found_in(root, program, added)
    if found.lacking:
        raise found.lacking[0]
    return Calls(found.names)


def found_in(root: str, program: str, added: frozenset[str] = frozenset()) -> FoundInFolder:
    """As :func:`calls_in`, as far as they are known. Raises :class:`UnsupportedError` where nothing can be known of ``program``."""
    lacking: list[UnsupportedError] = []
    names = added | _of(program, lacking)
    if names & STARTS:
        for path in _programs(root):
            names |= _of_other(path, lacking)
    return FoundInFolder(names, tuple(lacking))


def _of_other(path: str, lacking: list[UnsupportedError]) -> frozenset[str]:
    try:
        return _of(path, lacking)
    except UnsupportedError as error:
        lacking.append(error)
        return frozenset()


def _of(path: str, lacking: list[UnsupportedError]) -> frozenset[str]:
    with opened(path) as file:
        found = file.look(find_once)
    try:
        return names_of(path, found)
    except UnsupportedError as error:
        lacking.append(error)
        return known_names(found)


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
