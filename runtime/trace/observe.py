"""Notifications → sightings: each waiting call is read, looked at in the container's root, and let go."""

from __future__ import annotations

import errno
import os
import posixpath
import struct
from typing import TYPE_CHECKING

from whit.runtime.trace.calls import AT_EMPTY_PATH, INT, SOCKET_CALLS, Deed, by_number
from whit.runtime.trace.process import Processes
from whit.runtime.trace.root import Root
from whit.runtime.trace.sightings import MAX_PATHS, Execution, Sighting, Sightings
from whit.runtime.trace.sockets import Sockets

if TYPE_CHECKING:
    from whit.runtime.trace.calls import PathWatch
    from whit.runtime.trace.kernel import Listener, Notification
    from whit.runtime.trace.root import User

AT_FDCWD = INT - 99
AT_SYMLINK_NOFOLLOW = 0x100
WORDS = 2
"""How many words of a command are told: the program and, for those like git, what it is to do."""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Observer:
    """One run's eyes. ``user`` is whom the program runs as; ``started`` is whether it has been executed.

    ``unfound`` are the calls that are told because they weren't found in the program's code.
    """

    def __init__(self, architecture: str, user: User, unfound: frozenset[str] = frozenset()) -> None:
        self._calls = by_number(architecture, unfound)
        self._unfound = unfound
        self._launcher = ""
        self._user = user
        self._root: Root | None = None
        self.processes = Processes()
        self.sightings = Sightings()
        self._settled: dict[tuple[int, int, bytes] | None, Sighting] = {}
        self._sockets = Sockets(self.processes, self.sightings)
        self.started = False

    def close(self) -> None:
        """Let everything of the container go."""
        self.processes.forget()
        if self._root:
            self._root.close()

    def observe(self, call: Notification, listener: Listener) -> None:
        """Take one waiting call into account; it is let go by the caller. Raises OSError for no process that is gone."""
        name, watches = self._calls.get(call.call, ("", ()))
        if not self.started:
            # The launcher's own calls aren't the program's; the first that is, is that it is executed.
            if not any(watch.deed is Deed.EXECUTE for watch in watches):
                return
            self._enter(call, watches[0])
        self.sightings.calls += 1
        if name in self._unfound and self.sightings.executions:
            self._tell(name, call, listener)
        if name in SOCKET_CALLS:
            path = self._sockets.observe(name, call)
            if path is not None and listener.is_valid(call):
                self._see(Deed.CONNECT, self._absolute(call.thread, AT_FDCWD, path) or path, call, follows=True)
        elif watches:
            self._look(call, watches, listener)

    def _look(self, call: Notification, watches: tuple[PathWatch, ...], listener: Listener) -> None:
        texts = [self.processes.text(call.thread, call.arguments[watch.path]) for watch in watches]
        key = _key(call, watches[0], texts[0])
        if key in self._settled:
            self._settled[key].there += 1
            self._settled[key].programs.add(self.processes.program(call.thread))
            return
        paths = [self._path(call, watch, text) for watch, text in zip(watches, texts, strict=True)]
        pointer = watches[0].words
        words = self.processes.words(call.thread, call.arguments[pointer], WORDS) if pointer is not None else ()
        # What was read may be another process's: checked now, before any of it is believed.
        if not listener.is_valid(call):
            return
        for watch, path in zip(watches, paths, strict=True):
            seen = self._take(call, watch, path, words) if path is not None else None
            if key and seen and seen.there and not seen.missing and len(self._settled) < MAX_PATHS:
                self._settled[key] = seen

    def _tell(self, name: str, call: Notification, listener: Listener) -> None:
        program = self.processes.program(call.thread)
        if program != self._launcher and listener.is_valid(call):
            self.sightings.called(name, program)

    def _enter(self, call: Notification, watch: PathWatch) -> None:
        """Begin with the call that executes the program. Raises OSError where the program may not be looked at."""
        if self.processes.text(call.thread, call.arguments[watch.path]) is None:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        self._root = Root(call.thread, self._user)
        self._launcher = self.processes.program(call.thread)
        self.started = True

    def _path(self, call: Notification, watch: PathWatch, text: bytes | None) -> str | None:
        """The absolute path that a call is about; None where it is about an open file."""
        if text is None:
            return None
        directory = AT_FDCWD if watch.directory is None else call.arguments[watch.directory] & INT
        if text == b"":
            flags = call.arguments[watch.at_flags] if watch.at_flags is not None else 0
            if watch.deed is Deed.EXECUTE and flags & AT_EMPTY_PATH:
                return self.processes.descriptor(call.thread, directory)
            return None
        return self._absolute(call.thread, directory, os.fsdecode(text))

    def _absolute(self, thread: int, directory: int, path: str) -> str | None:
        if not path.startswith("/"):
            where = (
                self.processes.directory(thread)
                if directory == AT_FDCWD
                else self.processes.descriptor(thread, directory)
            )
            if where is None or not where.startswith("/"):
                return None
            path = f"{where}/{path}"
        # Most are plain already; and with ".." the links on the way decide what is meant: such a path stays as it is.
        plain = "//" not in path and "/." not in path and not path.endswith("/")
        return path if plain or "/.." in path else "/" + posixpath.normpath(path).lstrip("/")

    def _take(self, call: Notification, watch: PathWatch, path: str, words: tuple[str, ...]) -> Sighting | None:
        deed, follows, creates = watch.deed, watch.follows, watch.creates
        flags = self._open_flags(call, watch)
        if flags is not None:
            deed = Deed.WRITE if flags & WRITING and flags & os.O_PATH == 0 else Deed.OPEN
            creates = bool(flags & os.O_CREAT)
            follows = not flags & os.O_NOFOLLOW
        if watch.at_flags is not None and call.arguments[watch.at_flags] & AT_SYMLINK_NOFOLLOW:
            follows = False
        if watch.makes and self._root and self._root.is_there(path, follow=False):
            deed, creates = Deed.LOOK, False
        seen, there = self._see(deed, path, call, follows=follows, creates=creates)
        if deed is Deed.EXECUTE:
            first = not self.sightings.executions
            by = "" if first else self.processes.program(call.thread)
            self.sightings.executed(Execution(path, there, words, by))
            self.processes.forget()
        return seen

    def _open_flags(self, call: Notification, watch: PathWatch) -> int | None:
        if watch.open_flags is not None:
            return call.arguments[watch.open_flags] & INT
        if watch.open_how is not None:
            data = self.processes.read(call.thread, call.arguments[watch.open_how], 8)
            return int(struct.unpack("=Q", data)[0]) if len(data) == 8 else 0  # noqa: PLR2004 - the first member
        return None

    def _see(
        self, deed: Deed, path: str, call: Notification, *, follows: bool, creates: bool = False
    ) -> tuple[Sighting | None, bool]:
        """Record it: the record, and whether something is there."""
        root, seen = self._root, self.sightings.sighting(deed, path)
        writing = deed in (Deed.WRITE, Deed.REMOVE)
        found = root.find(path, follow=follows, writing=writing) if root else None
        if root is None or seen is None:
            return None, found is not None
        # Before the program's own start it is still the launcher that acts.
        if self.sightings.executions:
            seen.programs.add(self.processes.program(call.thread))
        seen.creates |= creates
        if writing:
            self._judge_writing(root, seen, writable=found is not None and found.writable, gone=found is None)
        if found is None:
            seen.missing += 1
        else:
            seen.there += 1
            seen.real, seen.is_directory, seen.readable = found.real, found.is_directory, found.readable
        return seen, found is not None

    def _judge_writing(self, root: Root, seen: Sighting, *, writable: bool, gone: bool) -> None:
        if seen.deed is Deed.REMOVE or (gone and seen.creates):
            place = root.place(seen.path)
            writable = place is not None and place.writable
        seen.writable = writable or (gone and not seen.creates)


def _key(call: Notification, watch: PathWatch, text: bytes | None) -> tuple[int, int, bytes] | None:
    """What calls that ask just the same have in common; None for those whose answer may change."""
    if text is None or not text.startswith(b"/") or watch.deed not in (Deed.OPEN, Deed.LOOK) or watch.creates:
        return None
    if watch.open_how is not None or watch.makes:
        return None
    number = watch.open_flags if watch.at_flags is None else watch.at_flags
    flags = call.arguments[number] if number is not None else 0
    return None if watch.open_flags is not None and flags & WRITING else (call.call, flags, text)
