"""A file system that isn't the kernel's own, as those of other machines: one folder by FUSE, in which each name that is asked for is a folder, too."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
import threading
from enum import IntEnum
from typing import TYPE_CHECKING

from tests.conftest import lacking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MODE = 0o40700
_REQUEST_SIZE = 1 << 18
_VERSION, _MINOR = 7, 31


class _Code(IntEnum):
    """``enum fuse_opcode``."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    STATFS = 17
    INIT = 26
    OPENDIR = 27


def _attributes(user: int) -> bytes:
    """``struct fuse_attr``."""
    return struct.pack("<6Q10I", 1, 0, 0, 0, 0, 0, 0, 0, 0, _MODE, 2, user, user, 0, 4096, 0)


def _answer(code: int, user: int) -> bytes | int:
    """What such a request is answered, or its error."""
    match code:
        case _Code.INIT:
            return struct.pack("<4I4H2I8I", _VERSION, _MINOR, 0, 0, 0, 0, 0, 0, 4096, *[0] * 9)
        case _Code.LOOKUP:
            return struct.pack("<4Q2I", 2, 0, 0, 0, 0, 0) + _attributes(user)
        case _Code.GETATTR:
            return struct.pack("<Q2I", 0, 0, 0) + _attributes(user)
        case _Code.STATFS:
            return struct.pack("<5Q4I", 0, 0, 0, 0, 0, 4096, 255, 4096, 0) + bytes(24)
        case _Code.OPENDIR:
            return bytes(16)
        case _:
            return errno.ENOSYS


def _serve(device: int, user: int) -> None:
    while True:
        try:
            request = os.read(device, _REQUEST_SIZE)
        except OSError:
            return
        _, code, unique = struct.unpack_from("<2IQ", request)
        if code == _Code.FORGET:
            continue
        answer = _answer(code, user)
        error, data = (-answer, b"") if isinstance(answer, int) else (0, answer)
        os.write(device, struct.pack("<IiQ", 16 + len(data), error, unique) + data)


@contextlib.contextmanager
def fused(place: Path, user: int) -> Iterator[None]:
    """Mount it there, for that user."""
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError:
        lacking("there is no FUSE here")
    library = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id={user},group_id={user},allow_other"
    if library.mount(b"test", str(place).encode(), b"fuse", 0, options.encode()) != 0:
        os.close(device)
        lacking(f"FUSE can't be mounted: {os.strerror(ctypes.get_errno())}")
    thread = threading.Thread(target=_serve, args=(device, user), daemon=True)
    thread.start()
    try:
        yield
    finally:
        library.umount2(str(place).encode(), 2)
        thread.join(timeout=20)
        os.close(device)
