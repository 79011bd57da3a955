"""A tiny launcher for the tests: no_new_privs, load the filter, then execute a program or make raw system calls.

``under_filter.py FILTER exec PROGRAM [ARGUMENT…]`` or ``under_filter.py FILTER call NUMBER[,ARGUMENT…] …``; the
latter prints one line a call: its errno, 0 if it succeeded. ``int80 NUMBER`` makes a call of a 386 program on amd64.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from pathlib import Path

PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2

LIBC = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def load(program: bytes) -> None:
    """Load it for this process; an exception if the kernel refuses it."""
    buffer = ctypes.create_string_buffer(program, len(program))
    wrapped = Program(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(wrapped), 0, 0),
    ):
        if LIBC.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "prctl")


def call(text: str) -> int:
    """Make the call ``NUMBER,ARGUMENT…``; its errno."""
    ctypes.set_errno(0)
    failed = LIBC.syscall(*(ctypes.c_ulong(int(part, 0)) for part in text.split(","))) == -1
    return ctypes.get_errno() if failed else 0


def int80(number: int) -> int:
    """The call of that number the way that 386 programs make it."""
    code = b"\xb8" + number.to_bytes(4, "little") + b"\xcd\x80\xc3"  # mov eax, number; int 0x80; ret
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    return int(function())


def main() -> None:
    _, filter_file, verb, *rest = sys.argv
    load(Path(filter_file).read_bytes())
    if verb == "exec":
        os.execv(rest[0], rest)
    for text in rest:
        found = int80(int(text)) if verb == "int80" else call(text)
        sys.stdout.write(f"{found}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
