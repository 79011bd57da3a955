"""Whole files that people name: regular ones of a bounded size, so that no pipe is waited for and no device read without end."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from whit.packer.support.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_NEVER_WAIT = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def read_regular(path: Path, most: int) -> bytes:
    """Its bytes, links followed. Raises OSError, and :class:`UsageError` for another kind of file, and beyond ``most`` bytes."""
    try:
        descriptor = os.open(path, _NEVER_WAIT)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        raise _refusal(path) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _refusal(path)
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(most + 1)
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise UsageError(f"{path} has more than {most} bytes", hint="is it the right file?")
    return data


def _refusal(path: Path) -> UsageError:
    return UsageError(f"{path} is no regular file", hint="only regular files, and links to them, are read here")
