"""The one family of errors that whit shows to people.

Each carries what went wrong (``message``), what to do about it (``hint``) and the process's
exit code. They are raised wherever something is found to be wrong and shown by one handler,
in ``runtime/main.py``; nothing below it prints an error or exits.
"""

from __future__ import annotations

import os

from whit.packer.support.imagepath import shown
from whit.packer.support.light import IntEnum


class ExitCode(IntEnum):
    """Exit codes with a meaning; 125 to 127 are docker's for ``run``."""

    FAILURE = 1
    USAGE = 2
    RUNTIME_FAILURE = 125
    NOT_EXECUTABLE = 126
    NOT_FOUND = 127


class WhitError(Exception):
    """Something is wrong, and a person can be told what, where, and what to do."""

    exit_code: int = ExitCode.FAILURE

    def __init__(self, message: str, *, hint: str | None = None, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(WhitError):
    """The command line, an option's value or a reference is not of the form it must have."""

    exit_code = ExitCode.USAGE


class InvalidFileError(WhitError):
    """An input file is not what it should be: truncated, hostile, of the wrong kind, unreadable."""


class UnsupportedError(WhitError):
    """The input is valid, and whit can't do this with it."""


class NotFoundError(WhitError):
    """Something that was named isn't there: an image, a file."""


class StoreError(WhitError):
    """The image store can't be read or written, or holds something that is wrong."""


class OutputError(WhitError):
    """What a command prints can't be written: no :class:`OSError`, which would be taken for what it was printed about."""


class ReaderGoneError(OutputError):
    """Nobody reads any more what a command prints: it ends without a word (EPIPE)."""


class LaunchError(WhitError):
    """A container couldn't be started."""

    exit_code = ExitCode.RUNTIME_FAILURE


def as_whit_error(error: Exception) -> WhitError:
    """What the roots show for any exception: the kernel's words, or, for what nobody foresaw, its place in whit."""
    if isinstance(error, WhitError):
        return error
    if isinstance(error, FileNotFoundError) and not error.filename and not _has_folder():
        return WhitError("the current folder is there no more", hint="go to one that is: cd")
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return WhitError(f"{where}{error.strerror or error}")
    if isinstance(error, MemoryError):
        return WhitError(
            "there isn't enough memory for this", hint="free some, or raise the limit that whit runs under"
        )
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return WhitError(
        f"this is a bug in whit: {type(error).__name__}: {error} ({place})",
        hint="please report it, with what you did; WHIT_TRACEBACK=1 shows how it came to it",
    )


def _has_folder() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - pathlib is imported by few commands
    except OSError:
        return False
    return True


def in_words(error: WhitError, program: str = "whit") -> str:
    """Whit's form of an error, for a terminal: one line of what is wrong, one of what to do."""
    hint = f"hint: {_one_line(error.hint)}\n" if error.hint else ""
    return f"{program}: {_one_line(error.message)}\n{hint}"


def _one_line(text: str) -> str:
    """What an error says may come from an image or a file: nothing in it is for the terminal to obey."""
    lines = shown(text).splitlines()
    return " ".join("".join(char if char.isprintable() else ascii(char)[1:-1] for char in line) for line in lines)
