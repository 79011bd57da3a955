"""Execute the launcher as on a kernel that lacks some system calls: ``older_kernel.py FOLDER USER CALL…``.

The calls answer ENOSYS through a seccomp filter, which the launcher and all that it starts inherit; it is loaded
without no_new_privs while this process is root, so that nothing else differs. USER is who the launcher runs as.
FOLDER holds ``plan`` and ``whit``; its ``data/inner`` and ``given`` become mounts, the latter read-only.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path

from whit.runtime.machine import MACHINES
from whit.runtime.seccomp.architecture import syscall_numbers
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.model import ALLOW, ENOSYS, Filter, Rule, errno

NEWER = (
    "clone3", "openat2", "open_tree", "move_mount", "fsopen", "fsmount", "fsconfig", "mount_setattr", "close_range",
)  # fmt: skip
"""What the launcher uses of Linux 5.2 to 5.12."""

CLOSE_RANGE, LAST_OF_5_6, ALIKE = 436, 438, range(424, 512)
AFTER_5_6 = tuple(
    name
    for name, number in syscall_numbers(MACHINES[platform.machine()]).items()
    if number in ALIKE and (number == CLOSE_RANGE or number > LAST_OF_5_6)
)
"""Every system call that came after Linux 5.6: their numbers are the same on every architecture."""

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
CLONE_NEWNS, MS_RDONLY, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 1, 8, 32, 4096, 16384, 1 << 18
LIBC = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def forget(calls: tuple[str, ...]) -> None:
    """Make the calls answer ENOSYS for this process and all that it becomes and starts."""
    architecture = MACHINES[platform.machine()]
    data = compile_filter(Filter(ALLOW, (architecture,), (Rule(calls, errno(ENOSYS)),)), architecture)
    buffer = ctypes.create_string_buffer(data, len(data))
    program = Program(len(data) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    _checked(LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0), "prctl")


def _checked(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), what)


def mount_more(folder: str) -> None:
    """In a mount namespace of our own: a mount below a folder, and one that is read-only and noexec on the host."""
    _checked(LIBC.unshare(CLONE_NEWNS), "unshare")
    _checked(LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "private")
    for name, options in (("data/inner", b"mode=777"), ("given", b"mode=777")):
        _checked(LIBC.mount(b"tmpfs", os.fsencode(f"{folder}/{name}"), b"tmpfs", 0, options), name)
    flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOEXEC
    _checked(LIBC.mount(None, os.fsencode(f"{folder}/given"), None, flags, None), "given")


def main() -> None:
    folder, user, *calls = sys.argv[1:]
    descriptor = os.memfd_create("plan", 0)
    os.write(descriptor, Path(folder, "plan").read_bytes())
    mount_more(folder)
    # One that the launcher must close: opened by whoever started it, and inheritable.
    os.dup2(os.open("/", os.O_RDONLY), 200, inheritable=True)
    if calls:
        forget(tuple(calls))
    if int(user):
        os.setgroups([])
        os.setresgid(int(user), int(user), int(user))
        os.setresuid(int(user), int(user), int(user))
    os.execv(f"{folder}/whit", [f"{folder}/whit", "_launch", str(descriptor)])


if __name__ == "__main__":
    main()
