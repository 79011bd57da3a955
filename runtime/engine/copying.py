"""``whit cp``: files into a container and out of it, by docker's rules for what is a folder, what is new and what is in it.

Both sides are descriptors: of the container's root, below which openat2 resolves each path, and of the host's folders.
From there on nothing is opened by a path (packer/tar/tree.py, packer/store/unpack.py), so that no link and no race in the
container reaches the host.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass

from whit.packer.store.inroot import open_in_root
from whit.packer.store.unpack import Limits, Unpacker
from whit.packer.support.errors import NotFoundError, UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.tar.read import TarReader
from whit.packer.tar.tree import TreeReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Change = Callable[[int, int], tuple[int, int]] | None

_MOST_LINKS = 40
_NO_LIMITS = 1 << 40, 1 << 60
_HERE = b"."


@dataclass(frozen=True, slots=True)
class Side:
    """A path, and the descriptor of the container's root that it is in; None: a path of the host's."""

    path: str
    root: int | None = None

    @property
    def must_be_folder(self) -> bool:
        """Whether it ends as only a folder's path does."""
        return self.path.endswith("/") or self.is_content

    @property
    def is_content(self) -> bool:
        """Whether it means what is in the folder, not the folder."""
        return self.path == "." or self.path.endswith("/.")

    @property
    def shown(self) -> str:
        """As it is told in errors."""
        return self.path if self.root is None else f"{self.path} in the container"

    def open(self, path: bytes, *, follow: bool) -> int:
        """A descriptor (O_PATH) of one of its paths. Raises OSError."""
        if self.root is not None:
            return open_in_root(self.root, b"/" + path.lstrip(b"/"), follow=follow)
        return os.open(path, os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))


def split(text: str) -> tuple[str, str] | None:
    """(container, path) of ``CONTAINER:PATH``; None for a path of the host's, as docker tells them apart."""
    name, colon, path = text.partition(":")
    if text.startswith("/") or not colon or name.startswith(".") or "/" in name or not name:
        return None
    if not path:
        raise UsageError(f"'{text}' has no path", hint=f"{name}:/path")
    return name, path


def _plain(path: str) -> bytes:
    """Without what only says that it is a folder; the root stays."""
    text = path.removesuffix(".") if path.endswith("/.") else path
    return os.fsencode(text.rstrip("/") or ("/" if text.startswith("/") else text or "."))


@contextlib.contextmanager
def source(side: Side, *, follow: bool) -> Iterator[int]:
    """What is copied, opened (O_PATH). Raises :class:`NotFoundError`, :class:`WhitError`."""
    try:
        descriptor = side.open(_plain(side.path), follow=follow or side.must_be_folder)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"there is no {side.shown}", hint="check its spelling") from None
    try:
        if side.must_be_folder and not _is_folder(descriptor):
            raise WhitError(f"{side.shown} is not a folder", hint="leave the slash at its end out")
        yield descriptor
    finally:
        os.close(descriptor)


def _is_folder(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def _is_passed_over(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode)


def name_of(side: Side) -> bytes:
    """The name that a source has in an archive; what is in a folder is below ``.``."""
    if side.is_content:
        return _HERE
    path = os.path.abspath(side.path) if side.root is None else side.path  # noqa: PTH100 - links not followed
    name = os.fsencode(path).rstrip(b"/").rpartition(b"/")[2]
    return _HERE if name in {b"", b".", b".."} else name


@dataclass(frozen=True, slots=True)
class Target:
    """Where it goes: an open folder, and the name in it; ``.``: into the folder itself."""

    folder: int
    name: bytes


@contextlib.contextmanager
def target(side: Side, name: bytes, *, is_folder: bool, is_content: bool) -> Iterator[Target]:
    """Where a source of that name goes. Raises :class:`NotFoundError`, :class:`WhitError`."""
    path = _plain(side.path)
    try:
        found = side.open(path, follow=True)
    except (FileNotFoundError, NotADirectoryError):
        found = -1
    if found >= 0 and _is_folder(found):
        try:
            yield Target(found, _HERE if is_folder and is_content else name)
        finally:
            os.close(found)
        return
    if found >= 0:
        os.close(found)
        if is_folder:
            raise WhitError(f"{side.shown} is a file, and a folder is to be copied there", hint="copy it elsewhere")
    if side.must_be_folder and not is_folder:
        raise WhitError(f"{side.shown} is not a folder", hint="leave the slash at its end out")
    parent, last = _behind_links(side, path) if found >= 0 else _split(path)
    try:
        folder = side.open(parent, follow=True)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(
            f"{side.shown}: its folder isn't there", hint="make it first, or check its spelling"
        ) from None
    try:
        if not _is_folder(folder):
            raise WhitError(f"{side.shown}: what it is in is not a folder")
        yield Target(folder, last)
    finally:
        os.close(folder)


def _split(path: bytes) -> tuple[bytes, bytes]:
    parent, slash, name = path.rpartition(b"/")
    return parent or slash or b".", name


def _behind_links(side: Side, path: bytes) -> tuple[bytes, bytes]:
    """(folder, name) of the file itself: a link to it stays. Each step is looked up in the root anew."""
    for _ in range(_MOST_LINKS):
        descriptor = side.open(path, follow=False)
        try:
            if not stat.S_ISLNK(os.fstat(descriptor).st_mode):
                return _split(path)
            link = os.readlink(b"", dir_fd=descriptor)
        finally:
            os.close(descriptor)
        path = link if link.startswith(b"/") else _split(path)[0] + b"/" + link
    raise WhitError(f"{side.shown} leads over too many links")


def archive(descriptor: int, name: bytes, owner: Change) -> Iterator[bytes]:
    """A tar of a source. ``owner`` says whose the files are in it; None: their owners stay."""
    return TreeReader(owner=owner).tar(descriptor, name)


def unpack(chunks: Iterator[bytes], folder: int, owner: Change = None) -> None:
    """Put a tar's members into an open folder. Raises what the archive or the file systems say."""
    entries, size = _NO_LIMITS
    with Unpacker(folder, Limits(entries, size), is_layer=False, owner=owner) as unpacker:
        unpacker.layer(TarReader(chunks))
        unpacker.finish()


def copy(origin: Side, destination: Side, owner: Change, *, follow: bool) -> int:
    """Copy; bytes of the archive in between."""
    size = 0

    def counted(chunks: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal size
        for chunk in chunks:
            size += len(chunk)
            yield chunk

    with source(origin, follow=follow) as descriptor:
        name, is_folder = name_of(origin), _is_folder(descriptor)
        if _is_passed_over(descriptor):
            raise WhitError(
                f"{origin.shown} is a device or a socket, and those aren't copied",
                hint="a container gets devices by whit run --device",
            )
        with target(destination, name, is_folder=is_folder, is_content=origin.is_content) as place:
            unpack(counted(archive(descriptor, place.name, owner)), place.folder)
    return size


@contextlib.contextmanager
def folder_for_archive(side: Side) -> Iterator[int]:
    """The folder that an archive from elsewhere is unpacked in. Raises as :func:`target` does."""
    with source(side, follow=True) as descriptor:
        if not _is_folder(descriptor):
            raise WhitError(f"{side.shown} is not a folder", hint="an archive is unpacked into a folder")
        yield descriptor
