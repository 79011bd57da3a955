"""Start a command where a kind of namespaces is used up: ``limited_namespaces.py SYSCTL USER COMMAND…``, as root.

The sysctl (``max_user_namespaces`` and its like) is set to 0 in a user namespace of its own, so that nothing else differs.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x1000_0000
LIBC = ctypes.CDLL(None, use_errno=True)


def _map_all(pid: int) -> None:
    for kind in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{kind}").write_text("0 0 65536\n")


def main() -> None:
    sysctl, user, *command = sys.argv[1:]
    ready, mapped = os.pipe(), os.pipe()
    parent = os.getpid()
    if os.fork() == 0:
        os.read(ready[0], 1)
        _map_all(parent)
        os.write(mapped[1], b"x")
        os._exit(0)
    if LIBC.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")
    os.write(ready[1], b"x")
    os.read(mapped[0], 1)
    Path("/proc/sys/user", sysctl).write_text("0")
    os.setgroups([])
    os.setresgid(int(user), int(user), int(user))
    os.setresuid(int(user), int(user), int(user))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
