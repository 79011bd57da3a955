"""How far a transfer is: bars on a terminal, a line for each blob in a pipe, or nothing at all."""

from __future__ import annotations

import threading
import time

from whit.packer.showing.console import human_size, put
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.shortid import short_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

    from whit.packer.image.oci import Descriptor
    from whit.packer.registry.sending import Outcome, Placed
    from whit.packer.registry.tree import Tree

_WIDTH = 30
_EVERY = 0.1
"""Seconds between two looks of the bars."""


class Silent:
    """Says nothing."""

    def begin(self, tree: Tree) -> None:
        """Nothing."""

    def moved(self, blob: Descriptor, there: int) -> None:
        """Nothing."""

    def done(self, blob: Descriptor, placed: Placed) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


class Lines(Silent):
    """A line for each blob that is there."""

    def __init__(self, stream: IO[str], words: Mapping[Outcome, str]) -> None:
        self._stream, self._words, self._lock = stream, words, threading.Lock()

    def done(self, blob: Descriptor, placed: Placed) -> None:
        """Its line."""
        with self._lock:
            put(self._stream, f"{_told(blob, placed, self._words)}\n")


class Bars(Silent):
    """A line for each blob, from its beginning on, with a bar while it is under way."""

    def __init__(self, stream: IO[str], words: Mapping[Outcome, str], verb: str) -> None:
        self._stream, self._words, self._verb = stream, words, verb
        self._lock = threading.Lock()
        self._lines: dict[str, str] = {}
        self._drawn = 0
        self._last = 0.0

    def begin(self, tree: Tree) -> None:
        """All as waiting."""
        with self._lock:
            self._lines = {blob.digest: f"{short_id(blob.hex)}: Waiting" for blob in tree.blobs}
            self._draw()

    def moved(self, blob: Descriptor, there: int) -> None:
        """Its bar."""
        with self._lock:
            self._lines[blob.digest] = f"{short_id(blob.hex)}: {self._verb} {bar(there, blob.size)}"
            if time.monotonic() - self._last >= _EVERY:
                self._draw()

    def done(self, blob: Descriptor, placed: Placed) -> None:
        """Its last line."""
        with self._lock:
            self._lines[blob.digest] = _told(blob, placed, self._words)
            self._draw()

    def end(self) -> None:
        """The lines stay as they are."""
        with self._lock:
            self._draw()

    def _draw(self) -> None:
        import shutil  # noqa: PLC0415 - only for a terminal

        columns, rows = shutil.get_terminal_size()
        lines = list(self._lines.values())[-max(rows - 2, 1) :]
        # What stands below the lines is why something is tried again (client.py).
        up = "\r\033[K" + (f"\033[{self._drawn}A" if self._drawn else "")
        put(self._stream, up + "".join(f"\r\033[K{line[: columns - 1]}\n" for line in lines))
        self._drawn, self._last = len(lines), time.monotonic()


def _told(blob: Descriptor, placed: Placed, words: Mapping[Outcome, str]) -> str:
    origin = f" from {placed.origin}" if placed.origin else ""
    return f"{short_id(blob.hex)}: {words[placed.how]}{origin}"


def bar(there: int, size: int) -> str:
    """``[=====>    ]  1.2MB/3.4MB``, as docker draws it."""
    filled = min(_WIDTH, _WIDTH * there // size) if size else _WIDTH
    head = ">" if filled < _WIDTH else ""
    return f"[{('=' * filled + head).ljust(_WIDTH)[:_WIDTH]}]  {human_size(there, 3)}/{human_size(size, 3)}"


def watcher(stream: IO[str], words: Mapping[Outcome, str], verb: str, *, quiet: bool = False) -> Silent:
    """The way of telling that fits a stream."""
    if quiet:
        return Silent()
    return Bars(stream, words, verb) if stream.isatty() else Lines(stream, words)
