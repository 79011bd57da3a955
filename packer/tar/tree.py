"""A tree of files → a tar, as a stream. Nothing is opened by a path: so what runs in the tree can't lead out of it.

Each step goes from one folder's descriptor to the next and follows no link; a file is opened only once it is known to be
a regular one, and by the descriptor that told so. Children come in the order of their names, so that equal trees are equal
tars. Sockets are left out, and so are extended attributes but those that are part of an image.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import replace
from whit.packer.tar import recorded, write
from whit.packer.tar.member import Kind, Member, is_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.tar.recorded import Owner

READ = 256 << 10
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")
_MAX_DEPTH = 200
_SECOND = 1_000_000_000


class Selected(StrEnum):
    """Whether a file is part of the tar; a folder may be there for the sake of what is in it."""

    YES = "yes"
    NO = "no"
    FOR_OTHERS = "for others"


@dataclass(slots=True)
class TreeReader:
    """Makes a tar of files. ``owner`` changes whose they are; no time is later than ``latest`` (in seconds).

    ``is_layer``: the tree is overlayfs's upper folder, and what that says of files that are gone becomes a layer's
    whiteouts (image-spec, layer.md). ``select`` is asked with each name, and whether it is a folder's; ``change`` has the
    last word on what is said of a file. ``recorded``: the builder has few users, so that root's files may be somebody
    else's by what recorded.py has noted; what the tree's own programs have noted of their own files counts for nothing.
    """

    owner: Callable[[int, int], tuple[int, int]] | None = None
    latest: int | None = None
    is_layer: bool = False
    select: Callable[[bytes, bool], Selected] | None = None
    change: Callable[[Member], Member] | None = None
    recorded: bool = False
    _links: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def tar(self, descriptor: int, name: bytes) -> Iterator[bytes]:
        """What a descriptor (O_PATH is enough) means, under a name, with all that is in it; an empty name: only that."""
        yield from self._any(descriptor, name)
        yield write.END

    def _any(self, descriptor: int, name: bytes, owner: Owner | None = None) -> Iterator[bytes]:
        """``owner`` is what has been recorded of a link."""
        state = os.fstat(descriptor)
        is_folder = stat.S_ISDIR(state.st_mode)
        selected = self.select(name, is_folder) if self.select else Selected.YES
        if selected is Selected.NO:
            return
        if is_folder:
            yield from self._folder(descriptor, name, state, is_optional=selected is Selected.FOR_OTHERS)
        elif self.is_layer and is_whiteout(state):
            folder, slash, last = name.rpartition(b"/")
            yield self._whiteout(folder + slash + b".wh." + last, state)
        elif not stat.S_ISSOCK(state.st_mode):
            yield from self._leaf(descriptor, name, state, owner)

    def _folder(self, descriptor: int, name: bytes, state: os.stat_result, *, is_optional: bool) -> Iterator[bytes]:
        if name.count(b"/") > _MAX_DEPTH:
            raise InvalidFileError(
                f"a folder is more than {_MAX_DEPTH} levels deep", hint="is that a program's mistake?"
            )
        folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)
        try:
            own = [self._described(folder, self._member(name, Kind.DIRECTORY, state))] if name else []
            if not is_optional:
                yield from own
                own = []
            for chunk in self._inside(folder, name.rstrip(b"/") + b"/" if name else b""):
                yield from own
                own = []
                yield chunk
        finally:
            os.close(folder)

    def _inside(self, folder: int, below: bytes) -> Iterator[bytes]:
        if self.is_layer and is_opaque(folder):
            yield self._whiteout(below + b".wh..wh..opq", os.fstat(folder))
        children = sorted(map(os.fsencode, os.listdir(folder)))
        owners = recorded.owners_of_links(folder, children) if self.recorded else {}
        for child in children:
            # What is gone by now isn't in the tar: the container may be running.
            with contextlib.suppress(FileNotFoundError):
                inner = os.open(child, _LOOK, dir_fd=folder)
                try:
                    yield from self._any(inner, below + child, owners.get(child))
                finally:
                    os.close(inner)

    def _header(self, member: Member) -> bytes:
        return write.header(self.change(member) if self.change else member)

    def _described(self, descriptor: int, member: Member) -> bytes:
        """The header, with what the file's extended attributes say."""
        names = _xattr_names(descriptor)
        if recorded.OWNER in names:
            member = self._owned(member, os.fstat(descriptor), recorded.owner_of(descriptor), descriptor)
        kept = tuple((name, os.getxattr(descriptor, name)) for name in names if is_kept(name))
        return self._header(replace(member, xattrs=kept))

    def _owned(
        self, member: Member, state: os.stat_result, owner: Owner | None, target: int | str | None = None
    ) -> Member:
        """The member as what has been recorded of it, if anything has, says that it is; ``target``: where its mode may be."""
        if owner is None or not self.recorded or (state.st_uid, state.st_gid) != (0, 0):
            return member
        uid, gid = self.owner(*owner) if self.owner else owner
        mode = member.mode if target is None else recorded.mode_of(target, owner, member.mode)
        return replace(member, mode=mode, uid=uid, gid=gid)

    def _whiteout(self, name: bytes, state: os.stat_result) -> bytes:
        return write.header(replace(self._member(name, Kind.FILE, state), mode=0o644, size=0, uid=0, gid=0))

    def _leaf(self, descriptor: int, name: bytes, state: os.stat_result, owner: Owner | None) -> Iterator[bytes]:
        first = self._links.setdefault((state.st_dev, state.st_ino), name) if state.st_nlink > 1 else name
        if first != name:
            linked = replace(self._member(name, Kind.HARD_LINK, state), target=first, size=0)
            if stat.S_ISREG(state.st_mode):
                path = f"/proc/self/fd/{descriptor}"
                yield self._header(self._owned(linked, state, recorded.owner_of(path), path))
            else:
                yield self._header(self._owned(linked, state, owner))
        elif stat.S_ISREG(state.st_mode):
            yield from self._file(descriptor, name)
        elif stat.S_ISLNK(state.st_mode):
            target = os.readlink(b"", dir_fd=descriptor)
            member = replace(self._member(name, Kind.SYMLINK, state), target=target)
            yield self._header(self._owned(member, state, owner))
        elif stat.S_ISFIFO(state.st_mode):
            yield self._header(self._member(name, Kind.FIFO, state))
        else:
            kind = Kind.CHARACTER_DEVICE if stat.S_ISCHR(state.st_mode) else Kind.BLOCK_DEVICE
            device = (os.major(state.st_rdev), os.minor(state.st_rdev))
            yield self._header(replace(self._member(name, kind, state), device=device))

    def _file(self, descriptor: int, name: bytes) -> Iterator[bytes]:
        """As many bytes as it had when it was opened: what is cut off meanwhile is zeros, as in GNU tar."""
        with _named(name):
            opened = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            state = os.fstat(opened)
            member = self._member(name, Kind.FILE, state)
            yield self._described(opened, replace(member, size=state.st_size))
            left = state.st_size
            while left:
                with _named(name):
                    chunk = os.read(opened, min(READ, left)) or bytes(min(READ, left))
                left -= len(chunk)
                yield chunk
            yield write.padding(state.st_size)
        finally:
            os.close(opened)

    def _member(self, name: bytes, kind: Kind, state: os.stat_result) -> Member:
        seconds = max(0, state.st_mtime_ns // _SECOND)
        if self.latest is not None:
            seconds = min(seconds, self.latest)
        uid, gid = self.owner(state.st_uid, state.st_gid) if self.owner else (state.st_uid, state.st_gid)
        return Member(name, kind, stat.S_IMODE(state.st_mode), uid, gid, 0, seconds * _SECOND)


def _xattr_names(descriptor: int) -> list[str]:
    """The extended attributes that a file has, sorted."""
    try:
        return sorted(os.listxattr(descriptor))
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        return []


@contextlib.contextmanager
def _named(name: bytes) -> Iterator[None]:
    """An error is told by the file's name in the tree."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fsdecode(name)) from None


def is_whiteout(state: os.stat_result) -> bool:
    """Whether overlayfs says by it that a file is gone."""
    return stat.S_ISCHR(state.st_mode) and state.st_rdev == 0


def is_opaque(folder: int) -> bool:
    """Whether overlayfs says of a folder of an upper layer that nothing of the one below shows through."""
    for name in _OPAQUE:
        with contextlib.suppress(OSError):
            if os.getxattr(folder, name) == b"y":
                return True
    return False
