"""A file that is written whole or not at all, also where whoever writes it is killed: it has no name until it is done."""

from __future__ import annotations

import contextlib
import os
from typing import IO, TYPE_CHECKING

from whit.packer.support import durable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXECUTABLE = 0o777
_BUFFER = 1 << 20


@contextlib.contextmanager
def executable_file(target: Path) -> Iterator[IO[bytes]]:
    """A file to write and to read; when the block ends well it takes the target's place, else nothing has changed.

    Raises StoreError, in words for what a person wants written elsewhere.
    """
    with durable.output_errors(target):
        place = durable.replaceable(target)
        try:
            descriptor = os.open(place.parent, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, EXECUTABLE)
        except OSError as error:
            if not _has_no_nameless(error):
                raise
            descriptor = -1
        if descriptor < 0:
            with durable.temporary_file(place.parent, private=False) as (file, path):
                yield file
                _settle(file)
                path.chmod(EXECUTABLE & ~_umask())
                path.replace(place)
        else:
            with os.fdopen(descriptor, "w+b", buffering=_BUFFER) as file:
                yield file
                _settle(file)
                _name(descriptor, place)
        durable.sync_folder(place.parent)


def _has_no_nameless(error: OSError) -> bool:
    """Whether the file system can't have files without a name (open(2), O_TMPFILE)."""
    import errno  # noqa: PLC0415 - few file systems

    return error.errno in (errno.EOPNOTSUPP, errno.EISDIR)


def _settle(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _name(descriptor: int, place: Path) -> None:
    """A link never takes another file's place, a rename does."""
    temporary = durable.temporary_beside(place)
    folder = os.open(place.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Only with a folder's descriptor does Python follow the link that /proc has for what is open (open(2), O_TMPFILE).
        os.link(f"/proc/self/fd/{descriptor}", temporary.name, dst_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)
    try:
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
