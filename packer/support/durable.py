"""Files that are there whole or not at all, also after a crash; locks between processes; errors in words.

Every file is written beside its place under a temporary name, flushed to the disk, renamed, and its folder flushed.
A process that is killed leaves a temporary file at worst; whoever holds the exclusive lock sweeps those.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time

from whit.packer.support.errors import StoreError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.private import check_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

TEMPORARY = ".tmp-"
"""How the names of unfinished files and folders begin."""

_SAID = {
    errno.ENOSPC: (
        "no space left on the device",
        "free some space (whit rmi removes images), or set WHIT_ROOT to another disk",
    ),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or set WHIT_ROOT to another disk"),
    errno.EROFS: ("the file system is read-only", "set WHIT_ROOT to a folder that can be written"),
    errno.EACCES: ("permission denied", "set WHIT_ROOT to a folder of your own"),
    errno.EPERM: ("operation not permitted", "set WHIT_ROOT to a folder of your own"),
    errno.EIO: ("input/output error", "the disk may be failing: look at the kernel's log"),
    errno.ENOTDIR: ("not a folder", "set WHIT_ROOT to another folder"),
}


_ELSEWHERE = {
    errno.ENOENT: "make its folder first, or write it to another",
    errno.EISDIR: "give the name of a file, not of a folder",
    errno.ENAMETOOLONG: "give it a shorter name",
}
"""Hints for what a person wants written, by what the kernel says."""

_FORBIDDEN = frozenset((errno.EROFS, errno.EACCES, errno.EPERM))


def _place(error: OSError) -> str:
    """Which folder can't be written: the person may never have named it."""
    path = error.filename2 or error.filename
    if error.errno not in _FORBIDDEN or not isinstance(path, str | bytes | os.PathLike):
        return ""
    folder, _, _ = os.fsdecode(path).rpartition("/")
    return f"; this is {folder}" if folder.startswith("/") else ""


@contextlib.contextmanager
def store_errors(doing: str) -> Iterator[None]:
    """Turn what the kernel says into a :class:`StoreError`: ``can't {doing}: {what}``, with what to do."""
    try:
        yield
    except OSError as error:
        text, hint = _SAID.get(error.errno or 0, (error.strerror or str(error), None))
        raise StoreError(f"can't {doing}: {text}", hint=hint and hint + _place(error)) from error


@contextlib.contextmanager
def output_errors(target: Path | str) -> Iterator[None]:
    """As :func:`store_errors`, for what a person wants written elsewhere: the store's place doesn't matter to that."""
    try:
        with store_errors(f"write {target}"):
            yield
    except StoreError as error:
        cause = error.__cause__
        hint = error.hint and error.hint.replace("set WHIT_ROOT to", "write it to")
        if hint is None and isinstance(cause, OSError):
            hint = _ELSEWHERE.get(cause.errno or 0)
        raise StoreError(error.message, hint=hint) from error.__cause__


def temporary_beside(target: Path) -> Path:
    """A new name in the target's folder that a sweep recognises."""
    return target.parent / f"{TEMPORARY}{os.urandom(8).hex()}"


@contextlib.contextmanager
def temporary_file(folder: Path, *, private: bool) -> Iterator[tuple[IO[bytes], Path]]:
    """A file to write under a temporary name in ``folder``; removed if the block fails, else left for a rename.

    ``private`` files are only their owner's to read, whatever the umask; others follow the umask.
    """
    path = temporary_beside(folder / "any")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        with os.fdopen(descriptor, "w+b", buffering=0) as file:
            if private:
                os.fchmod(file.fileno(), 0o600)
            yield file, path
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


@contextlib.contextmanager
def atomic_file(target: Path, *, private: bool = True, settles: bool = True) -> Iterator[IO[bytes]]:
    """A file to write; when the block ends well it takes the target's place, else nothing has changed.

    Unless it ``settles``, that it stands there lasts only once its folder is flushed (:func:`sync_folder`).
    Raises StoreError as :func:`replaceable` does.
    """
    place = replaceable(target)
    with temporary_file(place.parent, private=private) as (file, path):
        yield file
        os.fsync(file.fileno())
        path.replace(place)
    if settles:
        sync_folder(place.parent)


def is_special(target: Path) -> bool:
    """Whether something stands there, links followed, that isn't a regular file: a device, a FIFO, a folder."""
    return target.exists() and not target.is_file()


def replaceable(target: Path) -> Path:
    """Where a file goes that takes the target's place: behind links, so that they stay.

    Raises StoreError for what must not be replaced: root could put a file in the place of /dev/null.
    """
    if is_special(target):
        raise StoreError(f"{target} is not a regular file, and isn't replaced", hint="give the name of a file")
    return target.resolve()


def write_whole(target: Path, data: bytes, *, private: bool = True, settles: bool = True) -> None:
    """Put bytes in a file's place, durably and at once; ``settles`` as for :func:`atomic_file`."""
    with atomic_file(target, private=private, settles=settles) as file:
        write_all(file, data)


def write_record(target: Path, data: bytes) -> None:
    """Put bytes in a file's place, at once but not durably: for what can be worked out again, and is no record if half of it is lost."""
    with temporary_file(target.parent, private=True) as (file, path):
        write_all(file, data)
        path.replace(target)


def write_all(file: IO[bytes], data: bytes | memoryview) -> None:
    """Write to an unbuffered file, which may take less than it is given."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def begin_writing(file: IO[bytes], start: int, size: int) -> None:
    """Have the kernel begin to write out a range, without waiting; pages that are dirty stay in memory meanwhile."""
    with contextlib.suppress(OSError):
        os.posix_fadvise(file.fileno(), start, size, os.POSIX_FADV_DONTNEED)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(folder: Path) -> None:
    """Make all that was written on a folder's file system last: cheaper than file by file when there are many."""
    import ctypes  # noqa: PLC0415 - Python has no syncfs, and few commands need it

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _held(descriptor: int, *, exclusive: bool, wait: bool) -> Iterator[bool]:
    """The lock on what is open, which is closed when the block ends."""
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB))
            got = True
        except BlockingIOError:
            got = False
        yield got
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path, *, exclusive: bool, wait: bool = True) -> Iterator[bool]:
    """Hold a lock (flock) on a file for the block; the kernel drops it however the process ends.

    Yields whether the lock was got, which without ``wait`` may be False.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with _held(descriptor, exclusive=exclusive, wait=wait) as got:
        yield got


@contextlib.contextmanager
def locked_folder(folder: Path, *, exclusive: bool, wait: bool = True) -> Iterator[bool]:
    """As :func:`locked`, by the folder itself, which must be there."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with _held(descriptor, exclusive=exclusive, wait=wait) as got:
        yield got


def private_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter, parents included; refuse one that somebody else could change."""
    with contextlib.suppress(FileExistsError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)
    check_private(folder)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all in it, also where its own modes forbid that to a user who isn't root.

    Files of the user's subordinate ids go, too. Raises PermissionError for those of anybody else.
    """
    import shutil  # noqa: PLC0415 - rare, and slow to import

    with contextlib.suppress(FileNotFoundError):
        try:
            shutil.rmtree(folder)
        except PermissionError:
            try:
                _open_up(folder)
                shutil.rmtree(folder)
            except PermissionError:
                from whit.packer.support.userns import remove_tree_within  # noqa: PLC0415 - rarer still

                remove_tree_within(folder)


def _open_up(folder: Path) -> None:
    folder.chmod(0o700)
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            path = os.path.join(parent, name)  # noqa: PTH118 - os.walk's strings
            if not os.path.islink(path):  # noqa: PTH114
                os.chmod(path, 0o700)  # noqa: PTH101


def sweep_temporaries(folder: Path) -> None:
    """Remove what killed processes left unfinished; only under the exclusive lock, when nobody else is at work."""
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path.name.startswith(TEMPORARY):
                remove_tree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def older_than(path: Path, seconds: float) -> bool:
    """Whether a file was last changed longer ago than that."""
    return time.time() - path.lstat().st_mtime > seconds
