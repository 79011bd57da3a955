"""Where COPY, ADD and bind mounts take their files from, and which of them a path or a pattern means."""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.selecting import Walk
from whit.packer.buildfile.dockerfile.ignorefile import IgnoreRules
from whit.packer.buildfile.dockerfile.ignorepattern import IgnorePattern
from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.store.inroot import open_in_root
from whit.packer.tar.tree import Selected

if TYPE_CHECKING:
    from collections.abc import Iterator

_WILDCARDS = "*?["
_DEEPEST = 100
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Files:
    """An open root: the context's, whose .dockerignore counts and whose owners don't, or an image's."""

    root: int
    is_context: bool = False
    ignore: IgnoreRules = field(default_factory=IgnoreRules)

    def open(self, path: str) -> int:
        """A descriptor (O_PATH) of what a path means, links followed within the root. Raises OSError."""
        return open_in_root(self.root, os.fsencode(f"/{path}"))


@dataclass(frozen=True, slots=True)
class Found:
    """A file or folder: ``path`` without a slash before it, empty for the root itself."""

    path: str
    is_folder: bool


def rooted(path: str) -> str:
    """A path within its origin: ``..`` ends at the root."""
    return posixpath.normpath(f"/{path}").strip("/")


def has_wildcards(path: str) -> bool:
    """Whether Go's ``filepath.Match`` takes a path for a pattern."""
    skipping = False
    for char in path:
        if char in _WILDCARDS and not skipping:
            return True
        skipping = char == "\\" and not skipping
    return False


def find(files: Files, written: str) -> list[Found]:
    """What a source means, in the order of names. Raises Fault for a plain path that isn't there.

    A pattern that nothing matches means nothing, as in BuildKit.
    """
    path = rooted(written)
    if has_wildcards(path):
        matched = sorted(dict.fromkeys(_matching(files, "", path.split("/"), 0)), key=os.fsencode)
        return [found for one in matched if (found := _look(files, one))]
    return [find_one(files, path)]


def find_one(files: Files, path: str) -> Found:
    """What a path means that is no pattern, whatever is in it. Raises Fault where it isn't there."""
    found = _look(files, path)
    if found is None:
        where = "the context" if files.is_context else "it"
        hint = f"it isn't in {where}"
        if files.is_context and files.ignore.patterns:
            hint += ", or .dockerignore leaves it out"
        raise Fault(f'"/{path}": not found', hint)
    return found


def _look(files: Files, path: str) -> Found | None:
    if Walk(files.ignore).enter(path) is Selected.NO:
        return None
    try:
        descriptor = files.open(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        mode = os.fstat(descriptor).st_mode
    finally:
        os.close(descriptor)
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise Fault(f'"/{path}" is neither a file nor a folder', "leave it out of what is copied")
    return Found(path, stat.S_ISDIR(mode))


def _matching(files: Files, folder: str, parts: list[str], depth: int) -> Iterator[str]:
    """Paths below a folder that match the rest of a pattern; ``**`` stands for any number of folders."""
    part, *rest = parts
    if depth > _DEEPEST:
        return
    if part == "**":
        if rest:
            yield from _matching(files, folder, rest, depth)
        for name, is_folder in _names(files, folder):
            path = f"{folder}/{name}" if folder else name
            if not rest:
                yield path
            elif is_folder:
                yield from _matching(files, path, parts, depth + 1)
        return
    pattern = IgnorePattern(part) if has_wildcards(part) else None
    for name, _ in _names(files, folder):
        if pattern.matches(name) if pattern else name == part:
            path = f"{folder}/{name}" if folder else name
            if rest:
                yield from _matching(files, path, rest, depth + 1)
            else:
                yield path


def _names(files: Files, folder: str) -> list[tuple[str, bool]]:
    """Names in a folder, and which are folders themselves, links not among them."""
    try:
        descriptor = files.open(folder)
    except OSError:
        return []
    try:
        opened = os.open(".", _FOLDER, dir_fd=descriptor)
    except NotADirectoryError:
        return []
    finally:
        os.close(descriptor)
    try:
        with os.scandir(opened) as entries:
            return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    finally:
        os.close(opened)
