"""A user namespace with a binfmt_misc of its own, in which a command runs as root: ``emulating.py INTERPRETER COMMAND …``.

Programs for arm64 go to the interpreter there, and nowhere else: the machine's own handlers stay as they are.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

_NEW_USERS, _NEW_MOUNTS, _NEW_PIDS = 0x1000_0000, 0x0002_0000, 0x2000_0000
_FOLDER = Path("/proc/sys/fs/binfmt_misc")
_MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"


def _inside(interpreter: str, command: list[str]) -> None:
    os.setgid(0)
    os.setuid(0)
    # No cgroups: those of version 1 are the machine's root's alone.
    for words in (["--make-rprivate", "/"], ["-t", "proc", "proc", "/proc"], ["-t", "tmpfs", "none", "/sys/fs/cgroup"]):
        subprocess.run(["mount", *words], check=True)
    subprocess.run(["mount", "-t", "binfmt_misc", "none", _FOLDER], check=True)
    (_FOLDER / "register").write_text(f":arm64:M::{_MAGIC}:{_MASK}:{interpreter}:F")
    os.execvp(command[0], command)


def main(interpreter: str, *command: str) -> int:
    """The command's exit code."""
    ready, be_ready = os.pipe()
    mapped, be_mapped = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(be_mapped)
        if ctypes.CDLL(None).unshare(_NEW_USERS | _NEW_MOUNTS | _NEW_PIDS):
            os._exit(100)
        os.write(be_ready, b"+")
        os.read(mapped, 1)
        first = os.fork()
        if first == 0:
            _inside(interpreter, list(command))
        os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF)
    os.close(be_ready)
    if os.read(ready, 1):
        for kind in ("uid", "gid"):
            Path(f"/proc/{child}/{kind}_map").write_text("0 0 65536\n")
        os.write(be_mapped, b"+")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
