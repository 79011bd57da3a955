"""Appends what happens to images, containers, volumes and networks to the store's file ``events``: docs/engine.md, Events.

Every command and supervisor appends for itself; ``events`` becomes ``events.1`` when it is large.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.lightjson import compact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import TypedDict

    class Actor(TypedDict):
        """What it happened to."""

        ID: str
        Attributes: dict[str, str]

    class Event(TypedDict):
        """A line of the file."""

        Type: str
        Action: str
        Actor: Actor
        scope: str
        time: int
        timeNano: int


CURRENT, OLDER = "events", "events.1"
LARGEST = 1 << 20
"""Bytes of the file from which on another one is begun."""

_TRIES = 8
_SECOND = 1_000_000_000


def made(kind: str, action: str, actor: str, attributes: Mapping[str, str], now: int) -> Event:
    """An event that happens now, in ns since 1970."""
    return {
        "Type": kind,
        "Action": action,
        "Actor": {"ID": actor, "Attributes": dict(sorted(attributes.items()))},
        "scope": "local",
        "time": now // _SECOND,
        "timeNano": now,
    }


def record(root: Path, kind: str, action: str, actor: str, attributes: Mapping[str, str]) -> None:
    """Append an event. What can't be written is lost: nothing that happens depends on it."""
    data = compact(made(kind, action, actor, attributes, time.time_ns()))
    with contextlib.suppress(OSError):
        _append(root, f"{data}\n".encode())


def image_event(root: Path, image_id: str, action: str, name: str) -> None:
    """Record what happens to an image, under a name of it; docker's actions: tag, untag, delete, load, pull …"""
    record(root, "image", action, image_id, {"name": name})


def _append(root: Path, line: bytes) -> None:
    for _ in range(_TRIES):
        descriptor = os.open(
            root / CURRENT, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            # Shared among writers: only who puts another file in its place has it alone, and then it isn't written any more.
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if not is_current(root, descriptor):
                continue
            if os.write(descriptor, line) < len(line):
                os.write(descriptor, b"\n")  # so that the next one is whole
            if os.fstat(descriptor).st_size >= LARGEST:
                _rotate(root, descriptor)
            return
        finally:
            os.close(descriptor)


def is_current(root: Path, descriptor: int) -> bool:
    """Whether the file that is open is still the one of that name."""
    mine = os.fstat(descriptor)
    try:
        there = os.stat(root / CURRENT, follow_symlinks=False)  # noqa: PTH116 - its twin is an fstat
    except FileNotFoundError:
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)


def _rotate(root: Path, descriptor: int) -> None:
    """Who else is just writing does it instead."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_current(root, descriptor):
            (root / CURRENT).rename(root / OLDER)
