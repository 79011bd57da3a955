"""Bytes for stdout and stderr, as they are."""

from __future__ import annotations

import os

from whit.packer.errors import WhitError

_OUT, _ERR = 1, 2


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it. Raises :class:`WhitError` where it can't be written, BrokenPipeError where nobody reads."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "output" if descriptor == _OUT else "error"
        raise WhitError(f"can't write to standard {where}: {(error.strerror or str(error)).lower()}") from error


def output_is_errors() -> bool:
    """Whether both go to one place, a terminal or ``2>&1``: then the order of what is written to them can be seen."""
    try:
        one, other = os.fstat(_OUT), os.fstat(_ERR)
    except OSError:
        return False
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
