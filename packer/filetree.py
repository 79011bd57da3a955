"""A read-only look at a tree of files: this machine's, or one in memory for tests."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from whit.packer.imagespec import HostFile

if TYPE_CHECKING:
    from collections.abc import Mapping


class FileTree(Protocol):
    """What the sources of an image's files need to see. Paths are absolute; links are followed."""

    def file(self, path: str) -> HostFile | None:
        """The regular file there, to be read later; None if there is none."""

    def read(self, path: str) -> bytes:
        """The whole content of a small file. Raises OSError if it can't be read."""

    def children(self, path: str) -> tuple[tuple[str, bool], ...]:
        """The names in a folder with whether each is a folder itself, sorted; nothing if it isn't a folder."""


def files_below(tree: FileTree, folder: str) -> tuple[str, ...]:
    """The paths, relative to ``folder``, of all that isn't a folder below it, in the order of their names."""
    paths: list[str] = []
    for name, is_folder in tree.children(folder):
        if is_folder:
            paths += (f"{name}/{below}" for below in files_below(tree, f"{folder}/{name}"))
        else:
            paths.append(name)
    return tuple(sorted(paths))


@dataclass(frozen=True, slots=True)
class HostTree:
    """The files of the machine that whit runs on."""

    def file(self, path: str) -> HostFile | None:
        """See :class:`FileTree`; the identity is what ``stat`` says now."""
        try:
            found = os.stat(path)  # noqa: PTH116 - hundreds of files, and a Path costs more than the call
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return HostFile(path, found.st_size, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))

    def read(self, path: str) -> bytes:
        """See :class:`FileTree`."""
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read()

    def children(self, path: str) -> tuple[tuple[str, bool], ...]:
        """See :class:`FileTree`. Folders behind links are left out: they would be seen twice."""
        try:
            with os.scandir(path) as entries:
                found = [
                    (entry.name, entry.is_dir(follow_symlinks=False))
                    for entry in entries
                    if not (entry.is_symlink() and entry.is_dir())
                ]
        except OSError:
            return ()
        return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class MemoryTree:
    """Files given as path → content."""

    files: Mapping[str, bytes]

    def file(self, path: str) -> HostFile | None:
        """See :class:`FileTree`; the identity is made up from the size."""
        if path not in self.files:
            return None
        size = len(self.files[path])
        return HostFile(path, size, (0, 0, size, 0))

    def read(self, path: str) -> bytes:
        """See :class:`FileTree`."""
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def children(self, path: str) -> tuple[tuple[str, bool], ...]:
        """See :class:`FileTree`."""
        start = path.rstrip("/") + "/"
        below = (file.removeprefix(start) for file in self.files if file.startswith(start))
        return tuple(sorted({(name, bool(rest)) for name, _, rest in (file.partition("/") for file in below)}))
