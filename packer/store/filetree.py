"""A read-only look at a tree of files: this machine's, a folder's that holds another system, or one in memory."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from whit.packer.image.spec import HostFile
from whit.packer.support.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from whit.packer.support.search import Data

MAX_LINKS = 40
"""How many symbolic links a path may lead over: Linux' own limit."""


class FileTree(Protocol):
    """What the sources of an image's files need to see. Paths are absolute; links are followed, inside the tree."""

    def file(self, path: str) -> HostFile | None:
        """The regular file there, to be read later; None if there is none. Its identity tells it from all others."""

    def read(self, path: str) -> bytes:
        """The whole content of a small file. Raises OSError if it can't be read."""

    def mapped(self, path: str) -> contextlib.AbstractContextManager[Data]:
        """The content of a regular file, to be looked into within the block. Raises OSError if it can't be read."""

    def children(self, path: str) -> tuple[tuple[str, bool], ...]:
        """The names in a folder with whether each is a folder itself, sorted; nothing if it isn't a folder."""

    def place(self, path: str) -> str:
        """Where on this machine a path leads, whether something is there or not."""

    def turns(self) -> tuple[str, ...]:
        """The folders of this machine that hold the links which were followed so far, unless :meth:`place` tells."""

    def inside(self, place: str) -> str | None:
        """The path in the tree of a file of this machine, all links followed; None for one that isn't in it."""


def files_below(tree: FileTree, folder: str) -> tuple[str, ...]:
    """The paths, relative to ``folder``, of all that isn't a folder below it, in the order of their names."""
    paths: list[str] = []
    for name, is_folder in tree.children(folder):
        if is_folder:
            paths += (f"{name}/{below}" for below in files_below(tree, f"{folder}/{name}"))
        else:
            paths.append(name)
    return tuple(sorted(paths))


def follow(path: str, link: Callable[[str], str | None]) -> str:
    """``path`` with every link in it followed, as if the tree's top were the file system's: nothing leads out of it.

    ``link`` gives a link's target, None for what is none. Raises OSError for links in a circle.
    """
    ahead = path.split("/")[::-1]
    behind: list[str] = []
    links = 0
    while ahead:
        part = ahead.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            del behind[-1:]
            continue
        target = link("/" + "/".join((*behind, part)))
        if target is None:
            behind.append(part)
            continue
        links += 1
        if links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        if target.startswith("/"):
            behind.clear()
        ahead += target.split("/")[::-1]
    return "/" + "/".join(behind)


@dataclass(frozen=True, slots=True)
class HostTree:
    """The files of the machine that whit runs on."""

    def file(self, path: str) -> HostFile | None:
        """See :class:`FileTree`; the identity is what ``stat`` says now."""
        try:
            found = os.stat(path)  # noqa: PTH116 - hundreds of files, and a Path costs more than the call
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return HostFile(path, found.st_size, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))

    def read(self, path: str) -> bytes:
        """See :class:`FileTree`."""
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read()

    @contextlib.contextmanager
    def mapped(self, path: str) -> Iterator[Data]:
        """See :class:`FileTree`. Never waits, whatever stands there."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            if not found.st_size:
                yield b""
                return
            with mmap.mmap(descriptor, found.st_size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as data:
                yield data
        finally:
            os.close(descriptor)

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

    def place(self, path: str) -> str:
        """See :class:`FileTree`."""
        return path

    def turns(self) -> tuple[str, ...]:
        """See :class:`FileTree`. A place is the path as it was asked for, so it leads elsewhere when a link does."""
        return ()

    def inside(self, place: str) -> str | None:
        """See :class:`FileTree`."""
        return os.path.realpath(place)


@dataclass(frozen=True, slots=True)
class SysrootTree:
    """The files of another system, which lies in the folder ``root`` (absolute, no links in it; see :func:`sysroot`).

    Links never lead out of it.
    """

    root: str
    _links: dict[str, str | None] = field(default_factory=dict, repr=False, compare=False)

    def file(self, path: str) -> HostFile | None:
        """See :class:`FileTree`; the file's path is this machine's."""
        place = self._place(path)
        return HostTree().file(place) if place else None

    def read(self, path: str) -> bytes:
        """See :class:`FileTree`."""
        return HostTree().read(self.root + follow(path, self._link))

    def mapped(self, path: str) -> contextlib.AbstractContextManager[Data]:
        """See :class:`FileTree`."""
        return HostTree().mapped(self.root + follow(path, self._link))

    def children(self, path: str) -> tuple[tuple[str, bool], ...]:
        """See :class:`FileTree`."""
        place = self._place(path)
        return HostTree().children(place) if place else ()

    def place(self, path: str) -> str:
        """See :class:`FileTree`."""
        return self._place(path) or self.root + path

    def turns(self) -> tuple[str, ...]:
        """See :class:`FileTree`."""
        links = [path for path, target in self._links.items() if target is not None]
        return tuple(sorted({self.root + path.rpartition("/")[0] for path in links}))

    def inside(self, place: str) -> str | None:
        """See :class:`FileTree`."""
        real = os.path.realpath(place)
        return real.removeprefix(self.root) if real.startswith(f"{self.root}/") else None

    def _place(self, path: str) -> str | None:
        try:
            return self.root + follow(path, self._link)
        except (OSError, ValueError):
            return None

    def _link(self, path: str) -> str | None:
        if path not in self._links:
            try:
                self._links[path] = os.readlink(self.root + path)  # noqa: PTH115 - see HostTree.file
            except (OSError, ValueError):
                self._links[path] = None
        return self._links[path]


@dataclass(frozen=True, slots=True)
class MemoryTree:
    """Files given as path → content, and links as path → target."""

    files: Mapping[str, bytes]
    links: Mapping[str, str] = field(default_factory=dict)

    def file(self, path: str) -> HostFile | None:
        """See :class:`FileTree`; the identity is made up from the path that links lead to, and the size."""
        place = self._place(path)
        if place not in self.files:
            return None
        size = len(self.files[place])
        return HostFile(path, size, (0, list(self.files).index(place), size, 0))

    def read(self, path: str) -> bytes:
        """See :class:`FileTree`."""
        place = self._place(path)
        if place not in self.files:
            raise FileNotFoundError(path)
        return self.files[place]

    @contextlib.contextmanager
    def mapped(self, path: str) -> Iterator[Data]:
        """See :class:`FileTree`."""
        yield self.read(path)

    def children(self, path: str) -> tuple[tuple[str, bool], ...]:
        """See :class:`FileTree`."""
        start = path.rstrip("/") + "/"
        below = (file.removeprefix(start) for file in self.files if file.startswith(start))
        return tuple(sorted({(name, bool(rest)) for name, _, rest in (file.partition("/") for file in below)}))

    def place(self, path: str) -> str:
        """See :class:`FileTree`."""
        return path

    def turns(self) -> tuple[str, ...]:
        """See :class:`FileTree`."""
        return ()

    def inside(self, place: str) -> str | None:
        """See :class:`FileTree`."""
        return self._place(place)

    def _place(self, path: str) -> str:
        return follow(path, self.links.get)


def sysroot(folder: str) -> FileTree:
    """The tree of a system that lies in ``folder``. Raises NotFoundError if that is no folder."""
    real = os.path.realpath(folder)
    if not os.path.isdir(real):  # noqa: PTH112 - a text path
        raise NotFoundError(f"--sysroot: there is no folder {folder}", hint="give the folder that holds /lib and /usr")
    return HostTree() if real == "/" else SysrootTree(real)
