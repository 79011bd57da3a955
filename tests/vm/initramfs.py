"""Write a Linux initramfs: a cpio archive of the "newc" form (kernel documentation, driver-api/early-userspace/buffer-format)."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

ALIGNMENT = 4


class Initramfs:
    """Collects files under absolute paths in the guest; folders above them are made as needed."""

    def __init__(self, output: BinaryIO) -> None:
        self.output = output
        self.names: set[str] = set()
        self.inode = 0

    def add(self, source: Path, target: PurePosixPath | Path) -> None:
        """A file, a symbolic link as a link, or a folder's own entry; what is there already stays."""
        status = source.lstat()
        if stat.S_ISLNK(status.st_mode):
            self.add_bytes(target, os.fsencode(source.readlink()), stat.S_IFLNK | 0o777)
        elif stat.S_ISDIR(status.st_mode):
            self.add_folder(target)
        else:
            mode = stat.S_IFREG | stat.S_IMODE(status.st_mode)
            self.add_bytes(target, source.read_bytes(), mode, int(status.st_mtime))

    def add_folder(self, target: PurePosixPath | Path) -> None:
        """The folder and those above it."""
        self._parents(target)
        self._entry(str(target), b"", stat.S_IFDIR | 0o755)

    def add_bytes(
        self, target: PurePosixPath | Path, data: bytes, mode: int = stat.S_IFREG | 0o644, mtime: int = 0
    ) -> None:
        """A file or link with this content. Python trusts its compiled files only if ``mtime`` is their source's."""
        self._parents(target)
        self._entry(str(target), data, mode, mtime)

    def finish(self) -> None:
        """The trailer; nothing is added after it."""
        self._entry("/TRAILER!!!", b"", 0)

    def _parents(self, target: PurePosixPath | Path) -> None:
        for parent in [*target.parents][-2::-1]:
            self._entry(str(parent), b"", stat.S_IFDIR | 0o755)

    def _entry(self, target: str, data: bytes, mode: int, mtime: int = 0) -> None:
        if target in self.names:
            return
        self.names.add(target)
        self.inode += 1
        name = os.fsencode(target.removeprefix("/")) + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = (self.inode, mode, 0, 0, links, mtime, len(data), 0, 0, 0, 0, len(name), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        self._padded(header + name)
        self._padded(data)

    def _padded(self, data: bytes) -> None:
        self.output.write(data + b"\0" * (-len(data) % ALIGNMENT))
