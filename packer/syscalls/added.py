"""Calls that a person adds to those of a program's code: by name, or those that a trace has seen (``whit trace --calls``).

They can only be added: nothing takes away a call that was found.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError, UsageError
from whit.packer.support.jsondoc import parse_object
from whit.packer.support.regular import read_regular
from whit.packer.syscalls.names import syscall_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.image.callsclaim import Refusal

OPTION = "--add-calls"
_TRACE = "whit-trace/1"
_LARGEST = 256 << 20
"""Bytes of a trace: it names all paths of a run, which are bounded."""

_ARCHITECTURES = ("amd64", "arm64")


def call_name(text: str) -> str:
    """The name itself. Raises :class:`UsageError` for what is no system call of an architecture whose code is read."""
    if text not in _known():
        raise UsageError(f"{text[:60]!r} is no system call", hint="as in ptrace")
    return text


def _known() -> frozenset[str]:
    return frozenset(name for architecture in _ARCHITECTURES for name in syscall_numbers(architecture))


def added_to(refusal: Refusal | None, words: tuple[str, ...]) -> tuple[str, ...]:
    """As :func:`added_calls`, for the filter that ``--seccomp auto`` asks for. Raises :class:`UsageError` where none is asked for."""
    if words and refusal is None:
        raise UsageError(f"{OPTION} goes with --seccomp auto", hint="or auto:log, or auto:kill")
    return added_calls(words)


def added_calls(words: Iterable[str]) -> tuple[str, ...]:
    """The calls that ``--add-calls NAME[,NAME…]|FILE`` asks for, each once, sorted.

    Raises :class:`UsageError` for a word that is neither, :class:`InvalidFileError` for a file that is no such trace.
    """
    known = _known()
    found: set[str] = set()
    for word in words:
        names = word.split(",")
        found.update(names if known.issuperset(names) else _of_trace(word, known))
    return tuple(sorted(found))


def _of_trace(word: str, known: frozenset[str]) -> frozenset[str]:
    try:
        data = read_regular(Path(word), _LARGEST) if word else None
    except (FileNotFoundError, NotADirectoryError, ValueError):
        data = None
    if data is None:
        strange = next(name for name in word.split(",") if name not in known)
        raise UsageError(
            f"{OPTION} '{word}': '{strange}' is neither a system call nor a file",
            hint="name calls, as in ptrace,mbind, or the file that whit trace --calls -o FILE wrote",
        )
    report = parse_object(data, word, _LARGEST)
    seen = report.doc_or_none("syscalls") if report.text_or_none("schema") == _TRACE else None
    if seen is None:
        raise InvalidFileError(f"{word} tells of no system calls", hint="write it by whit trace --calls -o FILE")
    names = frozenset(item.text("name") for item in seen.docs("added"))
    if others := sorted(names - known):
        raise InvalidFileError(
            f"{word}: {others[0]!r} is no system call", hint="write it by whit trace --calls -o FILE"
        )
    return names
