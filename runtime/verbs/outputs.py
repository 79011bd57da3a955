"""Bytes for stdout and stderr, as they are."""

from __future__ import annotations

import errno
import os

from whit.packer.showing.console import output_error, warn
from whit.packer.support.shortid import short_id

_OUT, _ERR = 1, 2


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it. Raises :class:`OutputError` where it can't be written, ReaderGoneError where nobody reads."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError as error:
        raise output_error(error, "output" if descriptor == _OUT else "error") from error


def tell_id(container_id: str) -> None:
    """A container's ID on standard output. Where it can't be written the container is there none the less, so that is no failure."""
    try:
        os.write(_OUT, f"{container_id}\n".encode())
    except OSError as error:
        why = "it is closed" if error.errno == errno.EBADF else (error.strerror or str(error)).lower()
        warn(f"container {short_id(container_id)} is made, but its ID can't be written to standard output: {why}")


def output_is_errors() -> bool:
    """Whether both go to one place, a terminal or ``2>&1``: then the order of what is written to them can be seen."""
    try:
        one, other = os.fstat(_OUT), os.fstat(_ERR)
    except OSError:
        return False
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
