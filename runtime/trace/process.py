"""What a tracer reads of the processes that it traces: their memory, where they stand, what they execute."""

from __future__ import annotations

import os
import sys
import time

MAX_PATH = 4096
FIRST_READ = 256
TAG = (1 << 56) - 1
"""The bits of an address without the tag that programs may keep above it (arm64's TBI)."""

MOST_OPEN = 128
"""How many of them may be open at once."""

KEPT_SECONDS = 0.5
"""How long files of /proc stay open: less than it takes until a number is given to another process."""


class Processes:
    """Readers of /proc, by the numbers of threads. Nothing here raises for a process that is gone."""

    def __init__(self) -> None:
        self._memories: dict[int, int] = {}
        self._programs: dict[int, str] = {}
        self._since = time.monotonic()

    def forget(self) -> None:
        """Forget everything: a process executes another program, whose memory is another."""
        for descriptor in self._memories.values():
            os.close(descriptor)
        self._memories.clear()
        self._programs.clear()
        self._since = time.monotonic()

    def read(self, thread: int, address: int, size: int) -> bytes:
        """At most ``size`` bytes of the thread's memory, empty where there are none."""
        if time.monotonic() - self._since > KEPT_SECONDS:
            self.forget()
        known = self._memories.get(thread)
        if known is not None:
            if data := _pread(known, size, address):
                return data
            os.close(self._memories.pop(thread))
        try:
            fresh = os.open(f"/proc/{thread}/mem", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return b""
        if len(self._memories) >= MOST_OPEN:
            self.forget()
        self._memories[thread] = fresh
        return _pread(fresh, size, address)

    def text(self, thread: int, address: int) -> bytes | None:
        """The text at an address, up to its NUL; None where there is none, or one longer than any path."""
        if address == 0:
            return None
        size = FIRST_READ
        while True:
            data = self.read(thread, address, size)
            end = data.find(b"\0")
            if end >= 0:
                return data[:end]
            if size == MAX_PATH:
                return None
            size = MAX_PATH

    def words(self, thread: int, address: int, most: int) -> tuple[str, ...]:
        """The first words of a program's argument vector."""
        width = 8
        pointers = self.read(thread, address, width * most) if address else b""
        found: list[str] = []
        for at in range(0, len(pointers) - width + 1, width):
            word = self.text(thread, int.from_bytes(pointers[at : at + width], sys.byteorder))
            if word is None:
                break
            found.append(os.fsdecode(word))
        return tuple(found)

    def directory(self, thread: int) -> str | None:
        """The working directory, as the container names it."""
        return _link(f"/proc/{thread}/cwd")

    def descriptor(self, thread: int, number: int) -> str | None:
        """What a descriptor is open on, as the container names it."""
        return _link(f"/proc/{thread}/fd/{number}")

    def program(self, thread: int) -> str:
        """The path of the program that the thread executes; empty if it can't be told."""
        known = self._programs.get(thread)
        if known is None:
            known = self._programs[thread] = _link(f"/proc/{thread}/exe") or ""
        return known

    @staticmethod
    def process_of(thread: int) -> int | None:
        """The process that a thread belongs to."""
        try:
            with open(f"/proc/{thread}/status", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - quicker
                line = next((line for line in file if line.startswith("Tgid:")), "")
        except OSError:
            return None
        return int(line.split()[1]) if line else None


def _pread(descriptor: int, size: int, address: int) -> bytes:
    try:
        return os.pread(descriptor, size, address & TAG)
    except (OSError, OverflowError):
        return b""


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)  # noqa: PTH115 - quicker
    except OSError:
        return None
