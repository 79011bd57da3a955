"""Pieces of COPY and ADD, put into a root: links on the way are the image's, and never lead out of it (openat2)."""

from __future__ import annotations

import os
import posixpath
import stat
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.pieces import PieceKind
from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.support.light import replace
from whit.packer.support.errors import InvalidFileError
from whit.packer.store.inroot import open_in_root
from whit.packer.archives.loading import uncompressed
from whit.packer.tar import recorded
from whit.packer.tar.read import TarReader
from whit.packer.store.unpack import Limits, Unpacker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from whit.packer.buildfile.build.owners import Owner
    from whit.packer.buildfile.build.pieces import Change, Piece
    from whit.packer.tar.member import Member

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER_MODE = 0o755
_MOST_LINKS = 40
_NO_LIMITS = 1 << 40, 1 << 60
_SECOND = 1_000_000_000


class _Changed(TarReader):
    """A tar whose members are other than they are written."""

    def __init__(self, chunks: Iterator[bytes], change: Callable[[Member], Member]) -> None:
        super().__init__(chunks)
        self._change = change

    def members(self) -> Iterator[Member]:
        """Every member, changed."""
        yield from map(self._change, super().members())


def make_folders(root: int, path: str, owner: Owner | None) -> int:
    """A descriptor (O_PATH) of a folder, made with those above it where they are missing: behind links, too. Raises Fault."""
    for _ in range(_MOST_LINKS):
        made = _made_up_to(root, path, owner)
        if isinstance(made, int):
            return made
        path = made
    raise Fault(f"{path} leads over too many links in the image")


def _made_up_to(root: int, path: str, owner: Owner | None) -> int | str:
    """The folder, or the path that is meant where a link on the way leads to what isn't there yet."""
    current, done = os.open(".", _FOLDER, dir_fd=root), b""
    left = [name for name in os.fsencode(posixpath.normpath(f"/{path}")).split(b"/") if name]
    while left:
        name = left.pop(0)
        above, done = done, done + b"/" + name
        try:
            inner = open_in_root(root, done)
        except FileNotFoundError:
            made = _made(root, current, name, owner)
            if isinstance(made, bytes):
                return posixpath.join(*map(os.fsdecode, (above or b"/", made, *left)))
            inner = made
        finally:
            os.close(current)
        current = inner
        if not stat.S_ISDIR(os.fstat(current).st_mode):
            os.close(current)
            raise Fault(f"{os.fsdecode(done)} is not a folder in the image")
    return current


def _made(root: int, parent: int, name: bytes, owner: Owner | None) -> int | bytes:
    """A new folder; a link's target where there is one already."""
    try:
        os.mkdir(name, _FOLDER_MODE, dir_fd=parent)
    except FileExistsError:
        return os.readlink(name, dir_fd=parent)
    inner = os.open(name, _FOLDER, dir_fd=parent)
    if owner and recorded.give(f"/proc/self/fd/{inner}", owner):
        recorded.note(f"/proc/self/fd/{root}")
    os.chmod(f"/proc/self/fd/{inner}", _FOLDER_MODE)  # noqa: PTH101 - the umask took bits away
    return inner


def place(root: int, target: str, pieces: list[tuple[Piece, str]], change: Change) -> None:
    """Put pieces, each with its digest, where they go. Raises Fault, :class:`InvalidFileError`."""
    into = target.endswith(("/", "/.")) or len(pieces) > 1 or _is_folder(root, target)
    for given, digest in pieces:
        piece = given.settle() if given.settle else given
        if piece.kind is PieceKind.FILE and not into and not piece.below:
            path = _behind_links(root, target)
            folder, name = posixpath.dirname(path), posixpath.basename(path)
        else:
            folder, name = posixpath.join(target, piece.below), piece.name
        descriptor = make_folders(root, folder, change.owner)
        try:
            if _unpack(descriptor, piece, digest, os.fsencode(name), change):
                recorded.note(f"/proc/self/fd/{root}")
        finally:
            os.close(descriptor)


def settle_times(upper: Path, latest: int) -> None:
    """Let no time in what a step has changed be later than ``latest`` (in seconds), as none is in its layer: not a folder's either."""
    until = latest * _SECOND
    for _, _, names, folder in os.fwalk(upper, topdown=False):
        for name in names:
            if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime_ns > until:
                os.utime(name, ns=(until, until), dir_fd=folder, follow_symlinks=False)
        if os.fstat(folder).st_mtime_ns > until:
            os.utime(folder, ns=(until, until))


def _is_folder(root: int, path: str) -> bool:
    try:
        found = open_in_root(root, os.fsencode(path))
    except OSError:
        return False
    try:
        return stat.S_ISDIR(os.fstat(found).st_mode)
    finally:
        os.close(found)


def _behind_links(root: int, path: str) -> str:
    """Where a file is put whose place a link has taken."""
    for _ in range(_MOST_LINKS):
        try:
            found = open_in_root(root, os.fsencode(path), follow=False)
        except OSError:
            return path
        try:
            if not stat.S_ISLNK(os.fstat(found).st_mode):
                return path
            link = os.fsdecode(os.readlink(b"", dir_fd=found))
        finally:
            os.close(found)
        path = posixpath.join(posixpath.dirname(path), link)
    raise Fault(f"{path} leads over too many links in the image")


def _unpack(folder: int, piece: Piece, digest: str, name: bytes, change: Change) -> bool:
    """Whether owners had to be recorded."""
    hashed = sha256()

    def chunks() -> Iterator[bytes]:
        for chunk in piece.chunks():
            hashed.update(chunk)
            yield chunk

    bytes_of_it = chunks()
    tar: TarReader
    if piece.kind is PieceKind.ARCHIVE:
        unowned = replace(change, is_context=False)
        tar = _Changed(uncompressed(bytes_of_it, piece.name), unowned)
    elif piece.kind is PieceKind.FILE:
        tar = _Changed(bytes_of_it, lambda member: replace(member, name=name))
    else:
        tar = TarReader(bytes_of_it)
    with Unpacker(folder, Limits(*_NO_LIMITS), is_layer=False) as unpacker:
        unpacker.layer(tar)
        unpacker.finish()
    for _ in bytes_of_it:
        pass  # an archive may end before its file does
    if not piece.known and hashed.hexdigest() != digest:
        raise InvalidFileError(
            f"{piece.name or 'a folder'} was changed while it was copied", hint="build again once nothing writes to it"
        )
    return unpacker.has_recorded
