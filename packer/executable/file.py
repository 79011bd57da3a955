"""The thin edge between a path and its analysis: opens, maps, checks that the file stayed the same."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from whit.packer.executable.analyse import ELF_MAGIC, WASM_MAGIC, analyse
from whit.packer.executable.foreign import refusal
from whit.packer.image.spec import HostFile
from whit.packer.support.errors import InvalidFileError, NotFoundError, WhitError
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.executable.analysis import Analysis, Wanted

T = TypeVar("T")

_KINDS = (
    (stat.S_ISDIR, "a directory", "give the executable in it"),
    (stat.S_ISFIFO, "a FIFO", "write it to a file first: whit reads an executable more than once"),
    (stat.S_ISSOCK, "a socket", "give an executable file"),
    (stat.S_ISCHR, "a device", "give an executable file"),
    (stat.S_ISBLK, "a device", "give an executable file"),
)


@dataclass(frozen=True, slots=True)
class Executable:
    """An executable on the host. ``path`` is as it was given, ``file.path`` absolute; ``name`` is the last part."""

    path: str
    name: str
    file: HostFile
    analysis: Analysis


@dataclass(frozen=True, slots=True)
class Opened:
    """A regular file that is open for reading, and not looked into yet but for its first bytes."""

    path: str
    name: str
    file: HostFile
    descriptor: int

    @property
    def may_be_executable(self) -> bool:
        """Whether it begins as executables do: worth beginning other work on it."""
        return os.pread(self.descriptor, len(ELF_MAGIC), 0) in (ELF_MAGIC, WASM_MAGIC)

    def analyse(self, wanted: Wanted) -> Executable:
        """Analyse it. Raises InvalidFileError or UnsupportedError that begin with its path.

        The file is mapped, so it is read lazily and only where needed; a file that somebody changes meanwhile is
        refused, except that one cut short at just the page that is being read ends the process with SIGBUS, as with
        any program that maps files.
        """
        analysis = self.look(lambda data: analyse(data, wanted))
        return Executable(self.path, self.name, self.file, analysis)

    def look(self, reader: Callable[[mmap.mmap], T]) -> T:
        """What ``reader`` finds in the mapped file; raises as :meth:`analyse` does."""
        with _named(self.path):
            if not self.file.size:
                raise refusal(b"")
            with mmap.mmap(self.descriptor, self.file.size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as data:
                found = reader(data)
            if _identity(os.fstat(self.descriptor)) != self.file.identity:
                raise InvalidFileError("the file changed while it was read", hint="try again when it is complete")
        return found


@contextlib.contextmanager
def opened(path: str) -> Iterator[Opened]:
    """The file at ``path``, open for the block. Raises NotFoundError or InvalidFileError that begin with it.

    Nothing but a regular file is ever opened for good: what else stands there is refused by its status, before and
    after opening, and opening never waits.
    """
    with _named(path):
        descriptor = _open(path)
    try:
        status = os.fstat(descriptor)
        absolute = os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links, and the name is the link's
        file = HostFile(absolute, status.st_size, _identity(status))
        yield Opened(path, Path(absolute).name, file, descriptor)
    finally:
        os.close(descriptor)


def open_executable(path: str, wanted: Wanted) -> Executable:
    """Open and analyse the file at ``path``; raises as :func:`opened` and :meth:`Opened.analyse` do."""
    with opened(path) as program:
        return program.analyse(wanted)


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    """Errors in the block are said to be the file's."""
    try:
        yield
    except OSError as error:
        _refuse(path, error)
    except WhitError as error:
        raise type(error)(f"{path}: {error.message}", hint=error.hint, exit_code=error.exit_code) from None


def _open(path: str) -> int:
    _require_regular(Path(path).stat())
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        _require_regular(os.fstat(descriptor))
    except WhitError:
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(status: os.stat_result) -> None:
    for matches, what, hint in _KINDS:
        if matches(status.st_mode):
            raise InvalidFileError(f"{what}, not an executable", hint=hint)


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _refuse(path: str, error: OSError) -> NoReturn:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        raise NotFoundError(f"{path}: no such file", hint=_nearest(path)) from None
    if error.errno == errno.EACCES:
        hint = "make it readable for you: whit reads an executable, it doesn't only start it"
        raise InvalidFileError(f"{path}: permission denied", hint=hint) from None
    raise InvalidFileError(f"{path}: {error.strerror}") from None


def path_hint(name: str) -> str | None:
    """What to give in place of a bare name that isn't there, if a shell would find a program by it; else None."""
    import shutil  # noqa: PLC0415 - only where something isn't found

    found = None if "/" in name else shutil.which(name)
    return f"for this machine's program give its path: {found}" if found else None


def _nearest(path: str) -> str | None:
    """The files beside it whose names are most like it, or the program of a bare name."""
    import difflib  # noqa: PLC0415 - only where a file isn't found

    if program := path_hint(path):
        return program
    folder, name = os.path.split(path)
    try:
        with os.scandir(folder or ".") as there:
            names = [entry.name for entry, _ in zip(there, range(10_000), strict=False)]
    except OSError:
        return f"there is no directory {folder}" if folder else None
    close = difflib.get_close_matches(name, names, n=3)
    return f"did you mean {' or '.join(str(Path(folder) / match) for match in close)}?" if close else None
