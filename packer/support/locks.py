"""Locks that are only asked for, as of each container that a listing shows, and so cheap to import. durable.py takes those that are waited for."""

from __future__ import annotations

import fcntl
import os
import time

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LOOKS_S, _FORKS_S = 5.0, 0.3
"""How long who only looks may hold a lock, and a process that was forked with another's and hasn't executed its program yet."""


def is_locked(path: Path | str) -> bool:
    """Whether somebody holds the exclusive lock (flock) on a file; nobody does on one that isn't there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        return _is_exclusive(descriptor)
    finally:
        os.close(descriptor)


def _is_exclusive(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def take_lock(descriptor: int) -> bool:
    """Take the exclusive lock (flock) on an open file, unless somebody has it. Who merely asks by :func:`is_locked` is waited for."""
    begun = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            patience = _FORKS_S if _is_exclusive(descriptor) else _LOOKS_S
            if time.monotonic() - begun > patience:
                return False
            time.sleep(0.001)
        else:
            return True
