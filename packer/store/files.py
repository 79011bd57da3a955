"""One file below an open folder: whether it is there, its bytes, its attributes."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.packer.tar.member import Member

_NO_XATTR = (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSPC, errno.ERANGE, errno.E2BIG, errno.EINVAL)
_LATEST = 1 << 34
"""The latest time that file systems hold, in seconds since the epoch (ext4: the year 2446)."""


def found_at(folder: int, name: bytes) -> os.stat_result | None:
    """What stands there, links not followed; None for nothing."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def children(descriptor: int) -> list[bytes]:
    """The names in a folder that is only open as a path."""
    return os.listdir(b"/proc/self/fd/%d" % descriptor)  # noqa: PTH208 - as bytes


def write_at(descriptor: int, piece: bytes, at: int) -> None:
    """All of it, at a place in the file."""
    left = memoryview(piece)
    while left:
        done = os.pwrite(descriptor, left, at)
        left, at = left[done:], at + done


def set_xattr(descriptor: int, name: str, value: bytes) -> None:
    """Capabilities take root to set, and either takes a file system that has room for it: without, a file is as it is."""
    try:
        os.setxattr(descriptor, name, value)
    except OSError as error:
        if error.errno not in _NO_XATTR:
            raise


def times(member: Member) -> tuple[int, int]:
    """When it was read and changed, in ns, as file systems can hold it."""
    nanoseconds = max(0, min(member.mtime_ns, _LATEST * 1_000_000_000))
    return nanoseconds, nanoseconds
