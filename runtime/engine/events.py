"""Reads what has happened to containers, images, volumes and networks, and what happens: docs/engine.md, Events."""

from __future__ import annotations

import contextlib
import os
import time

from whit.packer.store.eventlog import CURRENT, OLDER, is_current
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.eventform import matches, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from whit.packer.store.eventlog import Event

_POLL_S = 0.1
_BLOCK = 1 << 20


def read_events(
    root: Path,
    since: int | None,
    until: int | None,
    filters: Mapping[str, Sequence[str]],
    goes_on: Callable[[], bool] | None = None,
) -> Iterator[Event]:
    """Events from ``since`` (None: from now) to ``until``; those that come, too, as long as ``goes_on``.

    What is no event, as after a power cut, is passed over.
    """
    first = time.time_ns() if since is None else since
    for line in _lines(root, goes_on, from_now=since is None):
        event = parsed(line)
        if event is None or event["timeNano"] < first or not matches(event, filters):
            continue
        if until is None or event["timeNano"] <= until:
            yield event


def _lines(root: Path, goes_on: Callable[[], bool] | None, *, from_now: bool) -> Iterator[bytes]:
    reader = _Reader(root, from_now=from_now)
    try:
        while True:
            last_time = goes_on is None or not goes_on()
            # Asked before the file is read: what is in it then is all that it will ever hold.
            is_over, news = reader.is_over(), False
            for line in reader.new_lines():
                news = True
                yield line
            if is_over and reader.go_on():
                continue
            if last_time and not news:
                return
            if not news:
                time.sleep(_POLL_S)
    finally:
        reader.close()


class _Reader:
    """Reads the older file, then the current one, then the one that takes its place."""

    def __init__(self, root: Path, *, from_now: bool) -> None:
        self._root = root
        self._rest = b""
        self._descriptor = None if from_now else self._open(OLDER)
        if self._descriptor is None:
            self._descriptor = self._open(CURRENT)
            if from_now and self._descriptor is not None:
                self._forward_to_a_line()

    def _open(self, name: str) -> int | None:
        with contextlib.suppress(FileNotFoundError):
            return os.open(self._root / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        return None

    def _forward_to_a_line(self) -> None:
        """The last kilobytes may have been written after the caller looked at the clock: its time decides."""
        assert self._descriptor is not None  # noqa: S101 - the caller's condition
        size = os.fstat(self._descriptor).st_size
        start = max(0, size - (1 << 16))
        os.lseek(self._descriptor, start, os.SEEK_SET)
        if start:
            self._rest = b"?"  # what is left of the line that begins before that is none

    def new_lines(self) -> Iterator[bytes]:
        while self._descriptor is not None and (block := os.read(self._descriptor, _BLOCK)):
            *lines, self._rest = (self._rest + block).split(b"\n")
            yield from lines

    def is_over(self) -> bool:
        """Whether another file has taken this one's place."""
        return self._descriptor is None or not is_current(self._root, self._descriptor)

    def go_on(self) -> bool:
        """Go on with the current file; False where there is none."""
        following = self._open(CURRENT)
        if following is None:
            return False
        self.close()
        self._descriptor, self._rest = following, b""
        return True

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
