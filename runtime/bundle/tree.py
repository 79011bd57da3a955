"""An image's layers → the files that a container of it sees, as a bundle's entries; and the contents, in the order in which they come.

Layers are read twice: once for what is there in the end, once for the contents of just that. Owners are as the image has them,
whoever makes the bundle, so that everybody makes the same one.
"""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whit.packer.image.overlaying import overlay
from whit.packer.store.rootfs import layer_tar
from whit.packer.store.unpack import absolute_path
from whit.packer.support.errors import InvalidFileError
from whit.packer.tar.member import Kind
from whit.packer.tar.read import TarReader
from whit.runtime.bundle.form import MAX_ENTRIES, Entry, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from whit.packer.store.layout import Layout
    from whit.packer.store.rootfs import MountPoint
    from whit.packer.store.store import StoredImage
    from whit.packer.tar.member import Member

Source = tuple[int, int]
"""Of a content: which layer, and which of its members."""

_MODES = {Kind.FILE: stat.S_IFREG, Kind.DIRECTORY: stat.S_IFDIR, Kind.SYMLINK: stat.S_IFLNK, Kind.FIFO: stat.S_IFIFO}
_MAX_LINKS = 40
_FOLDER_MODE, _FILE_MODE = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644


@dataclass(frozen=True, slots=True)
class Seen:
    """One member of a layer; ``source`` is its content's, which hard links share."""

    path: str
    kind: Kind
    layer: str
    member: Member
    source: Source


class _Reading:
    """What the members so far mean for those to come: links on the way to a file, and files that hard links lead to."""

    def __init__(self) -> None:
        self.links: dict[str, str] = {}
        self.known: dict[str, Seen] = {}
        self.count = 0

    def place(self, path: str) -> str:
        """Where a member goes whose folder is behind links, as inside the container. Raises :class:`InvalidFileError`."""
        folder, _, name = path.rpartition("/")
        for _ in range(_MAX_LINKS):
            link = next((head for head in _heads(folder) if head in self.links), None)
            if link is None:
                return f"{folder}/{name}"
            target = posixpath.join(posixpath.dirname(link), self.links[link])
            # A path of two slashes is kept as it is by normpath, and ".." above the root leads to the root.
            folder = ("/" + posixpath.normpath(target).lstrip("/") + folder[len(link) :]).rstrip("/")
        raise InvalidFileError(f"the image's links on the way to {path} lead to each other")

    def members(self, tar: TarReader, layer: str, number: int) -> Iterator[Seen]:
        """One layer's members, in order."""
        for index, member in enumerate(tar.members()):
            self.count += 1
            if self.count > MAX_ENTRIES:
                raise InvalidFileError(f"the image holds more than {MAX_ENTRIES} files")
            path = self.place(absolute_path(member.name))
            if path == "/" or member.kind.is_device or member.kind is Kind.OTHER:
                continue
            seen = Seen(path, member.kind, layer, member, (number, index))
            if member.kind is Kind.HARD_LINK:
                origin = self.known.get(self.place(absolute_path(member.target)))
                if origin is None:
                    continue
                seen = replace(origin, path=path, layer=layer)
            self._note(seen)
            yield seen

    def _note(self, seen: Seen) -> None:
        self.links.pop(seen.path, None)
        if seen.kind is Kind.SYMLINK:
            self.links[seen.path] = os.fsdecode(seen.member.target)
        self.known[seen.path] = seen


def _heads(path: str) -> Iterator[str]:
    at = path.find("/", 1)
    while at > 0:
        yield path[:at]
        at = path.find("/", at + 1)
    if path:
        yield path


def _tars(layout: Layout, image: StoredImage) -> Iterator[tuple[TarReader, str, int]]:
    pairs = zip(image.manifest.layers, image.config.diff_ids, strict=True)
    for number, (layer, diff_id) in enumerate(pairs):
        yield TarReader(layer_tar(layout, layer, diff_id)), layer.digest, number


def files_of(layout: Layout, image: StoredImage) -> dict[str, Seen]:
    """What a container sees, by path. Raises what reading a damaged or hostile image raises."""
    reading = _Reading()
    return overlay(list(reading.members(*parts)) for parts in _tars(layout, image))[0]


def contents_of(layout: Layout, image: StoredImage, wanted: set[Source]) -> Iterator[tuple[Source, Iterable[bytes]]]:
    """The wanted contents, each of which has to be read before the next is asked for."""
    for tar, _, number in _tars(layout, image):
        for index, member in enumerate(tar.members()):
            if (number, index) in wanted and member.kind is Kind.FILE:
                yield (number, index), tar.content()


def _path(text: str) -> bytes:
    return os.fsencode(text.lstrip("/"))


def entries_of(files: Mapping[str, Seen], contents: Mapping[Source, Place]) -> list[Entry]:
    """The entries in order: folders before what is in them. Of names that share a content the first is the file."""
    entries: dict[bytes, Entry] = {}
    first: dict[Source, bytes] = {}
    for path in sorted(files, key=lambda path: path.encode("utf-8", "surrogateescape").split(b"/")):
        seen, name = files[path], _path(path)
        member = seen.member
        entry = Entry(
            name, _MODES[seen.kind] | member.mode & 0o7777, member.uid, member.gid, member.mtime_ns // 1_000_000_000
        )
        if seen.kind is Kind.SYMLINK:
            entry = replace(entry, target=member.target)
        elif seen.kind is Kind.FILE:
            known = first.setdefault(seen.source, name)
            entry = replace(entry, target=known) if known != name else replace(entry, content=contents[seen.source])
        _add_folders(entries, name)
        entries[name] = entry
    return list(entries.values())


def _add_folders(entries: dict[bytes, Entry], name: bytes) -> None:
    parts = name.split(b"/")
    for depth in range(1, len(parts)):
        folder = b"/".join(parts[:depth])
        entries.setdefault(folder, Entry(folder, _FOLDER_MODE))


def with_places(entries: list[Entry], points: Iterable[MountPoint], contents: Mapping[bytes, Place]) -> list[Entry]:
    """Beside them the places that are mounted on, where the image has nothing; ``contents`` are those of files among them."""
    known = {entry.path: entry for entry in entries}
    for point in points:
        name = _path(posixpath.normpath(point.path))
        parents = [b"/".join(name.split(b"/")[:depth]) for depth in range(1, name.count(b"/") + 1)]
        # Behind a link or a file the launcher makes the place itself, or says that it can't be.
        if name in known or any(not stat.S_ISDIR(known[path].mode) for path in parents if path in known):
            continue
        _add_folders(known, name)
        place = (
            Entry(name, _FOLDER_MODE)
            if point.is_directory
            else Entry(name, _FILE_MODE, content=contents[point.content])
        )
        known[name] = place
    return [known[path] for path in sorted(known, key=lambda path: path.split(b"/"))]
