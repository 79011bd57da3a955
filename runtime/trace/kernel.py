"""The kernel's interface to a tracer: the listener of a watching filter, and look-ups inside of a container's root.

Source: seccomp_unotify(2), openat2(2), pidfd_getfd(2), include/uapi/linux/seccomp.h.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import struct
from typing import NamedTuple

NR_OPENAT2, NR_PIDFD_GETFD = 437, 438
RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS = 0x10, 0x04
_LOOKS = 1000
CONTINUE = 1
SYNC_WAKE_UP = 1
NOTIFICATION = struct.Struct("=QII iIQ6Q")
ANSWER = struct.Struct("=QqiI")
OPEN_HOW = struct.Struct("=QQQ")

_libc = ctypes.CDLL(None, use_errno=True)


def _ioctl(direction: int, number: int, size: int) -> int:
    """The number of an ioctl of seccomp's (include/uapi/asm-generic/ioctl.h; powerpc has its own form)."""
    if os.uname().machine.startswith("ppc"):
        return {1: 4, 2: 2, 3: 6}[direction] << 29 | size << 16 | ord("!") << 8 | number
    return direction << 30 | size << 16 | ord("!") << 8 | number


RECEIVE = _ioctl(3, 0, NOTIFICATION.size)
SEND = _ioctl(3, 1, ANSWER.size)
IS_VALID = _ioctl(2, 2, 8)
SET_FLAGS = _ioctl(1, 4, 8)
"""Direction as the first kernels had it for IS_VALID: later ones take both."""


class Notification(NamedTuple):
    """One call that waits for its answer. ``thread`` is its number in our PID namespace, 0 where it has none."""

    identity: int
    thread: int
    call: int
    arguments: tuple[int, ...]


class Listener:
    """The tracer's end of a watching filter."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._buffer = bytearray(NOTIFICATION.size)
        self._empty = bytes(NOTIFICATION.size)
        # The two sides then take turns on one processor, which is faster; before Linux 6.6 there is no such thing.
        with contextlib.suppress(OSError):
            fcntl.ioctl(descriptor, SET_FLAGS, SYNC_WAKE_UP)

    def receive(self) -> Notification | None:
        """The next call; None if the one that was there is gone, killed or interrupted."""
        self._buffer[:] = self._empty
        try:
            fcntl.ioctl(self.descriptor, RECEIVE, self._buffer, True)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                return None
            raise
        identity, thread, _, call, _, _, *arguments = NOTIFICATION.unpack(self._buffer)
        return Notification(identity, thread, call, tuple(arguments))

    def is_valid(self, notification: Notification) -> bool:
        """Whether the call still waits: then its thread's number hasn't been given to another meanwhile."""
        try:
            fcntl.ioctl(self.descriptor, IS_VALID, struct.pack("=Q", notification.identity))
        except OSError:
            return False
        return True

    def go_on(self, notification: Notification) -> None:
        """Let the kernel execute the call. Raises OSError with EINVAL on a kernel that can't (before Linux 5.5)."""
        answer = bytearray(ANSWER.pack(notification.identity, 0, 0, CONTINUE))
        try:
            fcntl.ioctl(self.descriptor, SEND, answer, True)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EINPROGRESS):
                raise

    def close(self) -> None:
        """Calls that still wait fail with ENOSYS."""
        os.close(self.descriptor)


def open_in_root(root: int, path: bytes, *, follow: bool, links: bool = True) -> int:
    """A descriptor (O_PATH) of what ``path`` is inside of ``root``; no link leads outside. Raises OSError.

    Links of /proc that are no paths (``/proc/1/exe``) are ELOOP; without ``links``, all on the way are.
    """
    flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    how = OPEN_HOW.pack(flags, 0, RESOLVE_IN_ROOT | (0 if links else RESOLVE_NO_SYMLINKS))
    number = errno.EAGAIN
    # Where something is renamed or mounted anywhere meanwhile, the kernel can't be sure where ".." leads to.
    for _ in range(_LOOKS):
        descriptor: int = _libc.syscall(NR_OPENAT2, root, path, how, len(how))
        if descriptor >= 0:
            return descriptor
        number = ctypes.get_errno()
        if number not in {errno.EAGAIN, errno.EINTR}:
            break
    raise OSError(number, os.strerror(number))


def copy_descriptor(process: int, number: int) -> int:
    """A copy of a descriptor of another process (Linux 5.6). Raises OSError."""
    pidfd = os.pidfd_open(process)
    try:
        descriptor: int = _libc.syscall(NR_PIDFD_GETFD, pidfd, number, 0)
    finally:
        os.close(pidfd)
    if descriptor < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return descriptor
