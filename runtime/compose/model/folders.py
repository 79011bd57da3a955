"""Paths of Compose files: relative to the project, or to the file that names them. Pure."""

from __future__ import annotations

import posixpath
import re

from whit.packer.support.light import NamedTuple

_REMOTE = ("https://", "http://", "git://", "ssh://", "github.com/", "git@")
_WINDOWS = re.compile(r"[a-zA-Z]:[\\/]|\\\\")


class Folder(NamedTuple):
    """Where relative paths begin."""

    path: str
    """Absolute."""
    home: str | None = None
    """What ``~`` stands for."""

    def absolute(self, path: str) -> str:
        """The absolute path of one that is relative to this folder, or begins with ``~``. The empty one stays so."""
        if path.startswith("~") and self.home:
            path = posixpath.normpath(posixpath.join(self.home, path[1:].lstrip("/")))
        if not path or path.startswith("/") or _WINDOWS.match(path):
            return path
        return posixpath.normpath(posixpath.join(self.path, path))

    def inside(self, path: str) -> str:
        """As :meth:`absolute`, and the empty one is the folder itself."""
        return self.absolute(path or ".")

    def context(self, source: str) -> str:
        """As :meth:`absolute`, for what may also be a URL, a git repository, an image or a service."""
        if "://" in source or source.startswith(("service:", *_REMOTE)):
            return source
        return self.absolute(source)
