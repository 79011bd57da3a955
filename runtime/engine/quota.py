"""Quotas by project: how much of a file system some folders may take together, with all that comes to be in them.

A project is a number that a folder has and hands down; the kernel counts what belongs to it. ext4 and xfs have them, where they are
mounted so. Source: Linux, include/uapi/linux/{fs,quota,dqblk_xfs}.h; quotactl(2), ioctl_xfs_fsgetxattr(2).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from typing import TYPE_CHECKING

from whit.packer.support.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ATTRIBUTES = struct.Struct("=IIIII8x")
"""struct fsxattr: flags, extent size, extents, project, extent size of copies."""

_LIMITS = struct.Struct("=bBHI6QiiHH4x3QiHH8x")
"""struct fs_disk_quota: version, flags, which fields, number, limits and use of blocks of 512 bytes and of files, times …"""

_STATE = struct.Struct("=bxHI3x")
_STATE_SIZE = 256
_GET_ATTRIBUTES, _SET_ATTRIBUTES = 0x801C581F, 0x401C5820
_HANDED_DOWN = 0x200
_QUOTACTL_FD = 443
_XGETQUOTA, _XSETQLIM, _XGETQSTAT = ((ord("X") << 8 | number) << 8 | 2 for number in (3, 4, 5))
"""Commands of quotactl(2) for projects (PRJQUOTA, 2)."""

_IS_PROJECT, _BLOCK_LIMITS = 2, 1 << 2 | 1 << 3
_IS_ENFORCED = 1 << 5
_BLOCK = 512
_TRIES = 64
_LEAST_NUMBER = 1 << 20
"""Below are the numbers that people choose, and docker, which counts from 1."""

_MEMORY = "a volume in memory has a size: --opt type=tmpfs --opt device=tmpfs --opt o=size=64m"
_HINTS = {
    "ext4": "as root, while it isn't mounted: tune2fs -O quota,project {device}; then mount it with prjquota",
    "xfs": "mount {device} with prjquota",
}


def limit(folders: tuple[Path, ...], size: int, asked: str, where: Path) -> None:
    """Let folders, which are empty, hold ``size`` bytes together. ``asked`` is the option that wants it, ``where`` the place that people know.

    Raises :class:`UnsupportedError` where the file system, the kernel or the user can't have that, and OSError.
    """
    with _opened(folders[0]) as descriptor:
        _check(descriptor, where, asked)
        number = _free_number(descriptor)
        _set_limit(descriptor, number, size)
        try:
            for folder in folders:
                _set_project(folder, number)
        except BaseException:
            _set_limit(descriptor, number, 0)
            raise


def share(folder: Path, other: Path) -> None:
    """Let another folder, which is empty and from which files are to be moved, be of the same project; nothing where it is of none."""
    if number := project_of(folder):
        _set_project(other, number)


def project_of(folder: Path) -> int:
    """The number of a folder's project; 0 where it has none, and where there are none."""
    try:
        with _opened(folder) as descriptor:
            return _attributes(descriptor)[3]
    except OSError:
        return 0


def forget(folder: Path, number: int) -> None:
    """Lift the limit of a project whose files have been removed from this file system; nothing happens for 0."""
    if number:
        with contextlib.suppress(OSError), _opened(folder) as descriptor:
            _set_limit(descriptor, number, 0)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _attributes(descriptor: int) -> tuple[int, ...]:
    found: tuple[int, ...] = _ATTRIBUTES.unpack(fcntl.ioctl(descriptor, _GET_ATTRIBUTES, bytes(_ATTRIBUTES.size)))
    return found


def _set_project(folder: Path, number: int) -> None:
    with _opened(folder) as descriptor:
        flags, size, _, _, copied = _attributes(descriptor)
        fcntl.ioctl(descriptor, _SET_ATTRIBUTES, _ATTRIBUTES.pack(flags | _HANDED_DOWN, size, 0, number, copied))


def _quotactl(descriptor: int, command: int, number: int, data: bytearray) -> None:
    """Raises OSError."""
    import ctypes  # noqa: PLC0415 - seldom needed

    libc = ctypes.CDLL(None, use_errno=True)
    place = (ctypes.c_char * len(data)).from_buffer(data)
    words = (ctypes.c_long(_QUOTACTL_FD), ctypes.c_int(descriptor), ctypes.c_uint(command), ctypes.c_int(number))
    if libc.syscall(*words, place):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _check(descriptor: int, where: Path, asked: str) -> None:
    if os.geteuid() != 0:
        raise UnsupportedError(f"{asked}: only root can set quotas", hint=f"leave it out; {_MEMORY}")
    state = bytearray(_STATE_SIZE)
    try:
        _quotactl(descriptor, _XGETQSTAT, 0, state)
    except OSError:
        state = bytearray(_STATE_SIZE)
    if not _STATE.unpack_from(state)[1] & _IS_ENFORCED:
        kind, device = _file_system(descriptor)
        hint = _HINTS.get(kind, f"ext4 and xfs have them; {_MEMORY}").format(device=device)
        raise UnsupportedError(
            f"{asked}: the file system of {where}, {kind}, has no quotas by project as it is mounted", hint=hint
        )


def _file_system(descriptor: int) -> tuple[str, str]:
    """Its type and its device (proc_pid_mountinfo(5))."""
    number = os.fstat(descriptor).st_dev
    wanted = f"{os.major(number)}:{os.minor(number)}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - a fixed path
        for line in file:
            own, _, rest = line.partition(" - ")
            if own.split(" ")[2] == wanted:
                kind, device, *_ = rest.split(" ")
                return kind, device
    return "one that isn't mounted here", "it"


def _is_free(descriptor: int, number: int) -> bool:
    data = bytearray(_LIMITS.size)
    try:
        _quotactl(descriptor, _XGETQUOTA, number, data)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ESRCH}:
            return True
        raise
    *_, hard, soft, files_hard, files_soft, used, files = _LIMITS.unpack(data)[:10]
    return not any((hard, soft, files_hard, files_soft, used, files))


def _free_number(descriptor: int) -> int:
    """One that nothing belongs to. At random, so that two who look at once find different ones."""
    for _ in range(_TRIES):
        number = _LEAST_NUMBER + int.from_bytes(os.urandom(4)) % ((1 << 31) - _LEAST_NUMBER)
        if _is_free(descriptor, number):
            return number
    raise OSError(errno.EAGAIN, "no number of a project is free")


def _set_limit(descriptor: int, number: int, size: int) -> None:
    blocks = -(-size // _BLOCK)
    fields = (1, _IS_PROJECT, _BLOCK_LIMITS, number, blocks, blocks, *(0,) * 4, *(0,) * 4, *(0,) * 6)
    _quotactl(descriptor, _XSETQLIM, number, bytearray(_LIMITS.pack(*fields)))
