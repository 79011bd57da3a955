"""Files of the host's into a container that runs, and others out of it, at once: by a tar, in which what is to go is a whiteout (OCI image layers).

The container's root is a descriptor; nothing is opened by a path in it (packer/store/unpack.py), so no link in the container leads to the host.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tarfile
import tempfile

from whit.packer.store.unpack import Limits, Unpacker
from whit.packer.support.errors import WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.tar.read import TarReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import IO

    from whit.runtime.engine.folder import Containers, Kept

_WHITEOUT = ".wh."
_NO_LIMITS = 1 << 40, 1 << 60
_CHUNK = 1 << 16


class _Steady:
    """A file that has as many bytes as it was said to have: one that is being written is put again when it is whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes; noughts for those that aren't there any more."""
        return self._file.read(size).ljust(max(size, 0), b"\0")


def sync(containers: Containers, kept: Kept, put: Iterable[tuple[str, str]], removed: Iterable[str]) -> None:
    """Put files (path of the host's, path in the container), and remove paths. What has gone from the host meanwhile is left out. Raises :class:`WhitError`."""
    with tempfile.TemporaryFile() as file:
        write(file, put, removed)
        file.seek(0)
        if kept.container.users and os.geteuid() != 0:
            _among_users(kept, file)
        else:
            apply(containers, kept, file)


def write(file: IO[bytes], put: Iterable[tuple[str, str]], removed: Iterable[str]) -> None:
    """The tar: what goes first, then what comes, each below root's ownership, as docker compose has it."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for place in removed:
            parent, _, name = place.strip("/").rpartition("/")
            archive.addfile(tarfile.TarInfo(f"{parent}/{_WHITEOUT}{name}" if parent else f"{_WHITEOUT}{name}"))
        for path, place in put:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                _add(archive, path, place.strip("/"))


def _add(archive: tarfile.TarFile, path: str, name: str) -> None:
    found = os.lstat(path)
    member = tarfile.TarInfo(name or ".")
    member.mode, member.mtime = stat.S_IMODE(found.st_mode), int(found.st_mtime)
    if stat.S_ISDIR(found.st_mode):
        if name:
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
    elif stat.S_ISLNK(found.st_mode):
        member.type, member.linkname = tarfile.SYMTYPE, os.readlink(path)  # noqa: PTH115 - a text
        archive.addfile(member)
    elif stat.S_ISREG(found.st_mode):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as source:
            member.size = os.fstat(descriptor).st_size
            archive.addfile(member, _Steady(source))


def apply(containers: Containers, kept: Kept, file: IO[bytes]) -> None:
    """Have a container's root be as a tar says. Raises :class:`WhitError`."""
    import errno  # noqa: PLC0415 - for the error alone

    from whit.runtime.engine.roots import opened  # noqa: PLC0415

    entries, size = _NO_LIMITS
    name = kept.container.name
    try:
        with (
            opened(containers, kept, with_mounts=True) as root,
            Unpacker(root, Limits(entries, size), owner=_owner(kept)) as unpacker,
        ):
            unpacker.layer(TarReader(iter(lambda: file.read(_CHUNK), b"")))
            unpacker.finish()
    except OSError as error:
        if error.errno == errno.EROFS:
            raise WhitError(
                f"container {name} can't be written: its root is read-only",
                hint="sync into a volume, or build its image by a Dockerfile",
            ) from None
        raise WhitError(f"can't write to container {name}: {error.strerror or error}") from None


def _owner(kept: Kept) -> Callable[[int, int], tuple[int, int]] | None:
    """A user may have no other ids than its own: there all is its program's, as with ``whit cp``."""
    if not kept.container.users:
        return None
    from whit.runtime.engine.owners import out_of, user_of  # noqa: PLC0415 - root's containers need none of it

    change, user = out_of(kept), user_of(kept)
    own = change(*user) if change else user
    return lambda _uid, _gid: own


def _among_users(kept: Kept, file: IO[bytes]) -> None:
    """As :func:`apply`, by a process that goes among the container's users, which this one can't do and come back."""
    import subprocess  # noqa: PLC0415 - root needs none of it

    from whit.runtime.launch import find_launcher  # noqa: PLC0415

    environment = {**os.environ, "WHIT_ROOT": str(kept.folder.parent.parent)}
    words = [str(find_launcher()), "_users", str(kept.folder), "_sync", kept.container.id]
    done = subprocess.run(words, stdin=file, capture_output=True, env=environment, check=False, text=True)
    if done.returncode:
        raise WhitError(
            done.stderr.strip().partition("\n")[0].removeprefix("whit: ")
            or "the files couldn't be put into the container"
        )
