"""Looking into a running container's root, as its program would: every link is followed inside of it."""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass

from whit.runtime.trace.kernel import open_in_root

OWN_PROCESS = re.compile(r"/proc/(self|thread-self)(?=/|\Z)")
"""The kernel resolves these for who asks, which would be the tracer."""

OWN_STREAMS = re.compile(r"/dev/(stdin|stdout|stderr|fd/\d+)\Z|/proc/(self|thread-self|\d+)/(task/\d+/)?fd/\d+\Z")
"""Links to what the process has open: they are there whatever the tracer sees."""

READ, WRITE, SEARCH = 4, 2, 1


@dataclass(frozen=True, slots=True)
class User:
    """Whom the program runs as, in the host's numbers; ``overrides``: it has CAP_DAC_OVERRIDE, and no mode keeps it out."""

    uid: int
    groups: frozenset[int]
    overrides: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a path is: ``real`` is its path without links, ``mode`` as stat(2) has it, 0 where it can't be told.

    ``writable`` and ``readable`` tell what its file system and its mode let the program do.
    """

    real: str
    mode: int = 0
    readable: bool = True
    writable: bool = True

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)


class Root:
    """The root of the container that a process is in. Raises OSError if it can't be entered."""

    def __init__(self, process: int, user: User) -> None:
        self._root = os.open(f"/proc/{process}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._user = user

    def close(self) -> None:
        """Let the container's file systems go."""
        os.close(self._root)

    def find(self, path: str, *, follow: bool = True, writing: bool = True) -> Found | None:
        """What stands at an absolute path; None if nothing does. Only for ``writing`` it is looked whether that works."""
        asked = path
        if path.startswith(("/proc/", "/dev/")):
            if OWN_STREAMS.match(path):
                return Found(path)
            asked = OWN_PROCESS.sub("/proc/1", path)
        try:
            descriptor, real = self._open(os.fsencode(asked), follow=follow)
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError) or error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
                return None
            return Found(path, readable=error.errno != errno.EACCES, writable=error.errno != errno.EACCES)
        try:
            return self._look(descriptor, path if asked != path else real, writing=writing)
        finally:
            os.close(descriptor)

    def _open(self, path: bytes, *, follow: bool) -> tuple[int, str]:
        """A descriptor of what is there, and its path without links."""
        if b"/.." not in path:
            try:
                return open_in_root(self._root, path, follow=follow, links=False), os.fsdecode(path)
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
        descriptor = open_in_root(self._root, path, follow=follow)
        return descriptor, os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - a text path

    def is_there(self, path: str, *, follow: bool = True) -> bool:
        """Whether something stands at an absolute path."""
        return self.find(path, follow=follow, writing=False) is not None

    def place(self, path: str) -> Found | None:
        """The directory that would hold ``path``; None if that isn't there either."""
        return self.find(path.rstrip("/").rpartition("/")[0] or "/")

    def _look(self, descriptor: int, real: str, *, writing: bool) -> Found:
        status = os.fstat(descriptor)
        if not writing:
            return Found(real, status.st_mode, self._may(status, READ))
        device = stat.S_ISCHR(status.st_mode) or stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode)
        read_only = not device and bool(os.fstatvfs(descriptor).f_flag & os.ST_RDONLY)
        return Found(real, status.st_mode, self._may(status, READ), not read_only and self._may(status, WRITE))

    def _may(self, status: os.stat_result, right: int) -> bool:
        """Whether the file's mode gives the user a right; access control lists aren't looked at."""
        if self._user.overrides:
            return True
        shift = 6 if status.st_uid == self._user.uid else 3 if status.st_gid in self._user.groups else 0
        return bool(status.st_mode >> shift & right)
