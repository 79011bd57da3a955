"""Whether somebody holds a lock: asked of each container that a listing shows, so it is cheap to import. durable.py takes them."""

from __future__ import annotations

import fcntl
import os

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_locked(path: Path | str) -> bool:
    """Whether somebody holds the exclusive lock (flock) on a file; nobody does on one that isn't there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
