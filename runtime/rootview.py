"""A read-only look at an image's unpacked files, as the container would see them: no link leads outside."""

from __future__ import annotations

import os
import posixpath
import stat

from whit.packer.support.light import dataclass

MAX_LINKS = 40
"""The kernel's own limit of symbolic links on one path."""

READ_SIZE = 1 << 20
HEAD_SIZE = 8


def _joined(directory: str, path: str) -> str:
    """``path`` from ``directory`` on, as plain as can be told without knowing the links on it."""
    whole = posixpath.join(directory, path)
    return whole if ".." in whole.split("/") else posixpath.normpath(whole)


@dataclass(frozen=True, slots=True)
class RootView:
    """The files below ``root``; paths are the container's."""

    root: str

    def resolve(self, path: str) -> str | None:
        """The host's path of the container's ``path`` with every link followed inside the root; None if it isn't there."""
        done, todo, links = "", [part for part in path.split("/") if part], 0
        while todo:
            part = todo.pop(0)
            if part in (".", ".."):
                done = done.rpartition("/")[0] if part == ".." else done
                continue
            here = f"{done}/{part}"
            try:
                mode = os.lstat(self.root + here).st_mode
            except (OSError, ValueError):  # ValueError: a NUL or a lone surrogate, which no file's name holds
                return None
            if stat.S_ISLNK(mode):
                links += 1
                target = os.readlink(self.root + here)  # noqa: PTH115 - a text path
                if links > MAX_LINKS:
                    return None
                done = "" if target.startswith("/") else done
                todo[:0] = [piece for piece in target.split("/") if piece]
                continue
            done = here
        return self.root + done

    def read(self, path: str) -> bytes | None:
        """The first MiB of a regular file; None if there is none, or none that may be read."""
        return self._start(path, READ_SIZE)

    def head(self, path: str) -> bytes | None:
        """The first bytes of a regular file, enough to tell what it is; None as :meth:`read`."""
        return self._start(path, HEAD_SIZE)

    def _start(self, path: str, size: int) -> bytes | None:
        found = self.resolve(path)
        if found is None or not stat.S_ISREG(os.lstat(found).st_mode):
            return None
        try:
            with open(found, "rb") as file:  # noqa: PTH123 - a text path
                return file.read(size)
        except PermissionError:
            return None

    def text(self, path: str) -> str:
        """The first MiB of a text file, empty if there is none."""
        return (self.read(path) or b"").decode("utf-8", "replace")

    def is_directory(self, path: str) -> bool:
        """Whether a directory is there."""
        found = self.resolve(path)
        return found is not None and stat.S_ISDIR(os.lstat(found).st_mode)

    def is_empty(self, path: str) -> bool:
        """Whether there is no directory with anything in it; one that can't be read has nothing to show."""
        found = self.resolve(path)
        try:
            return found is None or not os.listdir(found)  # noqa: PTH208 - a text path
        except OSError:
            return True

    def is_executable(self, path: str) -> bool:
        """Whether a regular file is there that somebody may execute."""
        found = self.resolve(path)
        mode = os.lstat(found).st_mode if found is not None else 0
        return stat.S_ISREG(mode) and bool(mode & 0o111)

    def find_program(self, name: str, path: str, directory: str) -> str | None:
        """What execvp(3) would execute: ``name`` itself if it has a slash, else the first match on ``path`` or None."""
        if "/" in name:
            return _joined(directory, name)
        for folder in filter(None, path.split(":")):
            found = _joined(directory, f"{folder}/{name}")
            if self.is_executable(found):
                return found
        return None

    def find_module(self, name: str, directory: str) -> str | None:
        """A WebAssembly file of that name in the directory or in the root, as runwasi looks for one: it needs no PATH and no mode."""
        for folder in (directory, "/"):
            found = _joined(folder, name)
            if (self.head(found) or b"").startswith(b"\0asm"):
                return found
        return None
