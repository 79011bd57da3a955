"""Paths inside of a container's root, as its programs see them: no link in it leads out (openat2(2), RESOLVE_IN_ROOT)."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_NR_OPENAT2 = 437
_IN_ROOT, _NO_MAGIC_LINKS = 0x10, 0x02
_OPEN_HOW = struct.Struct("=QQQ")
_TRIES = 1000

_libc = ctypes.CDLL(None, use_errno=True)


def open_in_root(root: int, path: bytes, *, follow: bool = True) -> int:
    """A descriptor (O_PATH) of what a path means below ``root``; ``follow``: also its last part. Raises OSError."""
    flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    how = _OPEN_HOW.pack(flags, 0, _IN_ROOT | _NO_MAGIC_LINKS)
    number = errno.EAGAIN
    # The kernel gives up on a path with '..' while anything is renamed anywhere.
    for _ in range(_TRIES):
        descriptor: int = _libc.syscall(_NR_OPENAT2, root, path, how, len(how))
        if descriptor >= 0:
            return descriptor
        number = ctypes.get_errno()
        if number not in {errno.EAGAIN, errno.EINTR}:
            break
    raise OSError(number, os.strerror(number), os.fsdecode(path))
