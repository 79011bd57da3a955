"""What commands print for people and for programs. Nothing below the commands prints."""

from __future__ import annotations

import errno
import os
import sys

from whit.packer.showing.escaping import json_harmless, terminal_harmless
from whit.packer.support.errors import OutputError, ReaderGoneError, in_words
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

    from whit.packer.support.errors import WhitError


def say(text: str) -> None:
    """A line on stdout, at once."""
    put(sys.stdout, f"{text}\n")


def put(stream: IO[str], text: str) -> None:
    """Text on stdout or stderr, at once. Raises :class:`OutputError`."""
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        raise output_error(error, "error" if stream is sys.stderr else "output") from error


def put_bytes(data: bytes) -> None:
    """A piece of an archive on stdout. Raises :class:`OutputError`."""
    try:
        sys.stdout.buffer.write(data)
    except OSError as error:
        raise output_error(error) from error


def output_error(error: OSError, which: str = "output") -> OutputError:
    """Why standard output, or standard error, can't be written, in words: by itself the error doesn't say what couldn't be."""
    why = "it is closed" if error.errno == errno.EBADF else (error.strerror or str(error)).lower()
    kind = ReaderGoneError if isinstance(error, BrokenPipeError) else OutputError
    return kind(f"can't write to standard {which}: {why}")


def show(text: str) -> None:
    """What a template made, on stdout: into a pipe as it is, as docker's; a terminal obeys none of it."""
    put(sys.stdout, terminal_harmless(text) if sys.stdout.isatty() else text)


def print_json(document: Mapping[str, object]) -> None:
    """One JSON document on stdout; each has a ``schema`` member that names its form and version."""
    say(json_page(document))


def json_page(document: object, indent: int | None = 2) -> str:
    """A JSON document as it is shown: readable, and harmless to a terminal."""
    import json  # noqa: PLC0415 - what prints anything else needs none

    return json_harmless(json.dumps(document, indent=indent, ensure_ascii=False))


def has_colours() -> bool:
    """Whether the person lets a terminal have colours: NO_COLOR (https://no-color.org) says no, and so does a dumb one."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def page_width() -> int | None:
    """The terminal's width, for pages that wrap to it; None where stdout is no terminal: lines stay whole for grep."""
    return _columns() if sys.stdout.isatty() else None


def _columns() -> int:
    import shutil  # noqa: PLC0415 - only for a terminal

    return shutil.get_terminal_size().columns


def human_size(size: float, digits: int = 4) -> str:
    """Bytes as docker prints them: powers of 1000, at most four significant digits (``1.23MB``); three in its tables."""
    return _scaled(size, 1000, ("B", "kB", "MB", "GB", "TB", "PB", "EB"), digits)


def binary_size(size: float) -> str:
    """Memory as docker prints it: powers of 1024 (``12.5MiB``)."""
    return _scaled(size, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"), 4)


def _scaled(size: float, step: int, units: Sequence[str], digits: int) -> str:
    value, at = float(size), 0
    while value >= step and at < len(units) - 1:
        value, at = value / step, at + 1
    return f"{value:.{digits}g}{units[at]}"


def warn(message: str, hint: str | None = None) -> None:
    """Something that a person should know and that stops nothing; on stderr, in the form of an error."""
    tell(f"whit: warning: {message}\n" + (f"hint: {hint}\n" if hint else ""))


def complain(error: WhitError) -> None:
    """An error that doesn't end the command, in its usual form."""
    tell(in_words(error))


def progress(message: str) -> None:
    """A line about long work, only where a person watches."""
    if sys.stderr.isatty():
        tell(f"\r\033[K{message}")


def end_progress() -> None:
    """Clear the progress line."""
    if sys.stderr.isatty():
        tell("\r\033[K")


def tell(text: str) -> None:
    """Text on stderr. If that can't be written, as on a full disk or a terminal that is gone, there is nobody to tell."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        pass
