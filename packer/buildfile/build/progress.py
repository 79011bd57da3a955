"""What a build tells while it goes on, in the form of BuildKit's plain progress: ``#4 [build 2/3] RUN make``."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_KEPT = 20
"""Lines of a step that are shown if it fails and nothing has been shown before."""

_LONGEST = 64 << 10
"""Bytes of a line that are waited for."""


@dataclass(slots=True)
class Telling:
    """One step, while it is done."""

    number: int
    say: Callable[[str], None]
    write: Callable[[str], None]
    is_quiet: bool = False
    began: float = field(default_factory=time.monotonic)
    last: list[str] = field(default_factory=list)
    _rest: bytes = b""

    def output(self, data: bytes) -> None:
        """What its program writes, in pieces of any length."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._rest) > _LONGEST:
            self.flush()

    def _line(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2]
        self.last = [*self.last[1 - _KEPT :], text]
        self.say(f"#{self.number} {time.monotonic() - self.began:.3f} {text}")

    def flush(self) -> None:
        """Its last line may have no end."""
        if self._rest:
            self._line(self._rest)
            self._rest = b""

    def done(self) -> None:
        """All is well."""
        self.say(f"#{self.number} DONE {time.monotonic() - self.began:.1f}s\n")

    def cached(self) -> None:
        """It needn't be done."""
        self.say(f"#{self.number} CACHED\n")

    def failed(self, message: str) -> None:
        """It has gone wrong: where nothing was told so far, the last of what its program wrote is."""
        if self.is_quiet:
            self.write("".join(f"{line}\n" for line in self.last))
        self.say(f"#{self.number} ERROR: {message}\n")


@dataclass(slots=True)
class Progress:
    """All steps; several may tell at once, each in whole lines."""

    write: Callable[[str], None]
    is_quiet: bool = False
    _number: int = 0
    _warned: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, title: str) -> Telling:
        """A step begins."""
        with self._lock:
            self._number += 1
            telling = Telling(self._number, self.say, self.write, self.is_quiet)
        self.say(f"#{telling.number} {title}")
        return telling

    def say(self, text: str) -> None:
        """One line."""
        if not self.is_quiet:
            with self._lock:
                self.write(f"{text}\n")

    def warn(self, text: str) -> None:
        """Something that stops nothing: told once a build, also by one that is quiet."""
        with self._lock:
            if text not in self._warned:
                self._warned.add(text)
                self.write(f"whit: warning: {text}\n")
