"""Where ``load`` and ``import`` read an archive: a file, or standard input."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 1 << 20


@contextlib.contextmanager
def archive_chunks(source: str | None, what: str, instead: str) -> Iterator[Iterator[bytes]]:
    """An archive's bytes in pieces; None means standard input.

    ``what`` it is, and what to type ``instead`` where that is a terminal, are for the error. Raises
    :class:`InvalidFileError`, :class:`UsageError`.
    """
    if source is None:
        if sys.stdin.isatty():
            raise UsageError(f"{what} isn't read from a terminal", hint=instead)
        yield iter(lambda: sys.stdin.buffer.read(_PIECE), b"")
        return
    try:
        file = Path(source).open("rb")  # noqa: SIM115 - closed by the block below
    except OSError as error:
        raise InvalidFileError(f"{source} can't be read: {(error.strerror or str(error)).lower()}") from None
    with file:
        yield iter(lambda: file.read(_PIECE), b"")
