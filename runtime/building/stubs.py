"""Places to mount on that a root doesn't have: the runtime makes them, and they are no part of what a RUN has changed."""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.store.inroot import open_in_root

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_OWN = ("/dev", "/proc", "/sys")


@dataclass(slots=True)
class Stubs:
    """What is missing of some places before a RUN, to be removed after it where nothing has been put in it.

    As BuildKit does it (executor/stubs.go): the times of the folder above stay as they were.
    """

    root: int
    _missing: list[str] = field(default_factory=list)
    _times: dict[str, tuple[int, int]] = field(default_factory=dict)

    def note(self, targets: Iterable[str]) -> None:
        """Look at each place, and at those above it; what is in /dev, /proc and /sys is in memory."""
        for target in targets:
            path = posixpath.normpath(target)
            if path.startswith(tuple(f"{own}/" for own in _OWN)):
                continue
            parts = path.strip("/").split("/")
            for count in range(1, len(parts) + 1):
                here = "/" + "/".join(parts[:count])
                if not self._is_there(here):
                    self._missing.append(here)
                    above = posixpath.dirname(here)
                    if above not in self._missing and above not in self._times:
                        self._times[above] = self._times_of(above)

    def _is_there(self, path: str) -> bool:
        try:
            os.close(open_in_root(self.root, os.fsencode(path)))
        except OSError:
            return False
        return True

    def _times_of(self, path: str) -> tuple[int, int]:
        with self._opened(path) as folder:
            state = os.stat(".", dir_fd=folder)
            return state.st_atime_ns, state.st_mtime_ns

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        descriptor = open_in_root(self.root, os.fsencode(path))
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def remove(self) -> None:
        """Take away what is still empty, the deepest first."""
        for path in sorted(set(self._missing), key=lambda path: path.count("/"), reverse=True):
            with contextlib.suppress(OSError), self._opened(posixpath.dirname(path)) as folder:
                self._remove_empty(folder, posixpath.basename(path))
        for path, times in self._times.items():
            with contextlib.suppress(OSError), self._opened(path) as folder:
                os.utime(f"/proc/self/fd/{folder}", ns=times)

    def _remove_empty(self, folder: int, name: str) -> None:
        state = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(state.st_mode):
            os.rmdir(name, dir_fd=folder)
        elif stat.S_ISREG(state.st_mode) and state.st_size == 0:
            os.unlink(name, dir_fd=folder)
