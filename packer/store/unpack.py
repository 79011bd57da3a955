"""Layers → files below one folder, and never a byte outside of it (image-spec, layer.md).

Nothing is opened by a path: every step goes from one folder's descriptor to the next with O_NOFOLLOW, and a symbolic
link on the way is resolved as it would be inside the container, with the folder as its root. So neither ``..`` nor
links nor hard links lead out. Devices are passed over: whit gives each container a /dev of its own, and mounts all else
so that none works. Set-user-id bits and file capabilities are kept, as docker keeps them, and so are the extended attributes
that are a person's own; those by which a file system or a security module is told something are not.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from whit.packer.store.files import children, found_at, set_xattr, times, write_at
from whit.packer.store.folders import Components, Folder, LastFolder
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import replace
from whit.packer.support.userns import few_users
from whit.packer.tar import recorded
from whit.packer.tar.member import Kind, Member, is_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from whit.packer.tar.read import TarReader

_WHITEOUT = b".wh."
_OPAQUE = b".wh..wh..opq"
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS = 40
"""Symbolic links followed for one path; the kernel's own limit."""
_MAX_DEPTH = 255
_MAX_COMPONENT = 255


@dataclass(slots=True)
class Limits:
    """What all layers of an image may hold together, so that no archive fills the disk or the memory."""

    entries: int = 1_000_000
    size: int = 64 << 30


@dataclass(slots=True)
class Unpacker:
    """Puts the members of an image's layers, one layer after the other, into the folder ``root``, a path or a descriptor.

    Unless it ``is_layer``, no name is a whiteout, and no folder takes a file's place or the other way round. ``owner``
    changes whose the files are. ``has_recorded``: some owners are recorded only.
    """

    root: Path | int
    limits: Limits = field(default_factory=Limits)
    is_layer: bool = True
    owner: Callable[[int, int], tuple[int, int]] | None = None
    has_recorded: bool = False
    _owner: bool = field(default_factory=lambda: os.geteuid() == 0)
    _few_users: bool = field(default_factory=few_users)
    _root: int = -1
    _fresh: set[int] = field(default_factory=set)
    _folders: dict[Components, Member] = field(default_factory=dict)
    _last: LastFolder = field(default_factory=LastFolder)

    def __enter__(self) -> Self:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        if isinstance(self.root, int):
            self._root = os.open(".", flags, dir_fd=self.root)
        else:
            self._root = os.open(self.root, flags)
        return self

    def __exit__(self, *_: object) -> None:
        self._last.close()
        os.close(self._root)

    def layer(self, tar: TarReader) -> None:
        """Apply one layer. Raises :class:`InvalidFileError` for what no layer may hold."""
        self._fresh.clear()
        for member in tar.members():
            if self.owner:
                uid, gid = self.owner(member.uid, member.gid)
                member = replace(member, uid=uid, gid=gid)  # noqa: PLW2901 - it is the same one
            self.limits.entries -= 1
            self.limits.size -= member.size
            if self.limits.entries < 0 or self.limits.size < 0:
                raise InvalidFileError("the image holds more files or bytes than whit unpacks", hint=None)
            self._apply(tar, member)

    def finish(self) -> None:
        """Give the folders their modes and times, the deepest first; after this nothing can be added."""
        for real, member in sorted(self._folders.items(), key=lambda item: len(item[0]), reverse=True):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                self._finish_folder(real, member)
        if self.has_recorded:
            recorded.note(f"/proc/self/fd/{self._root}")

    def mount_point(self, path: bytes, content: bytes = b"", *, is_directory: bool) -> None:
        """Make an empty folder, or a file with this content, at an absolute path unless something is there already."""
        *parents, name = split_name(path) or (b"",)
        if not name:
            return
        with self._opened(parents, create=True) as folder:
            if found_at(folder.descriptor, name) is not None:
                return
            if is_directory:
                self._enter(folder.descriptor, name, create=True)
                return
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(name, flags, 0o644, dir_fd=folder.descriptor)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                os.fchmod(descriptor, 0o644)
                file.write(content)

    def _finish_folder(self, real: Components, member: Member) -> None:
        descriptor = os.dup(self._root)
        try:
            for component in real:
                inner = os.open(component, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        try:
            self._attributes(readable, member)
        finally:
            os.close(readable)

    def _apply(self, tar: TarReader, member: Member) -> None:
        components = split_name(member.name)
        if not components:
            if member.kind is not Kind.DIRECTORY:
                raise InvalidFileError("a layer holds a root that is not a folder")
            self._folders[()] = member
            return
        *parents, name = components
        if self.is_layer and name.startswith(_WHITEOUT):
            with contextlib.suppress(FileNotFoundError), self._opened(parents, create=False) as folder:
                self._whiteout(folder, name)
            return
        if member.kind.is_device or member.kind is Kind.OTHER:
            return
        self._create(tar, member, self._parent(tuple(parents)), name)

    def _parent(self, components: Components) -> Folder:
        """The folder of a member, made with all that is missing on the way."""
        found = self._last.find(components)
        if found is None:
            with self._opened(components, create=True) as folder:
                found = self._last.keep(components, folder)
        return found

    @contextlib.contextmanager
    def _opened(self, components: Sequence[bytes], *, create: bool) -> Iterator[Folder]:
        """The folder that a path means inside the root. ``create`` makes what is missing on the way."""
        stack: list[tuple[bytes, int]] = [(b"", os.dup(self._root))]
        links, pending = 0, list(reversed(components))
        try:
            while pending:
                component = pending.pop()
                if component == b"..":
                    if len(stack) > 1:
                        os.close(stack.pop()[1])
                    continue
                try:
                    stack.append((component, self._enter(stack[-1][1], component, create=create)))
                except NotADirectoryError:
                    target = self._link_target(stack[-1][1], component)
                    links += 1
                    if target.startswith(b"/"):
                        while len(stack) > 1:
                            os.close(stack.pop()[1])
                    pending.extend(part for part in reversed(target.split(b"/")) if part not in (b"", b"."))
                if links > _MAX_LINKS or len(stack) > _MAX_DEPTH or len(pending) > _MAX_DEPTH:
                    raise InvalidFileError(f"a layer's path is too deep or has too many links: {_show(components)}")
            yield Folder(stack[-1][1], tuple(name for name, _ in stack[1:]))
        finally:
            for _, descriptor in stack:
                os.close(descriptor)

    def _enter(self, parent: int, name: bytes, *, create: bool) -> int:
        try:
            return os.open(name, _FOLDER, dir_fd=parent)
        except FileNotFoundError:
            if not create:
                raise
        os.mkdir(name, 0o755, dir_fd=parent)
        descriptor = os.open(name, _FOLDER, dir_fd=parent)
        # The umask took bits away, and fchmod refuses what is open as a path only.
        os.chmod(f"/proc/self/fd/{descriptor}", 0o755)  # noqa: PTH101, S103
        self._fresh.add(os.fstat(descriptor).st_ino)
        return descriptor

    def _link_target(self, parent: int, name: bytes) -> bytes:
        try:
            return os.readlink(name, dir_fd=parent)
        except OSError:
            raise InvalidFileError(f"a layer has a file below {_show([name])}, which is not a folder") from None

    def _create(self, tar: TarReader, member: Member, folder: Folder, name: bytes) -> None:
        if self.is_layer and member.kind is Kind.FILE and self._new_file(tar, member, folder.descriptor, name):
            return
        present = found_at(folder.descriptor, name)
        if not self.is_layer and present is not None:
            _check_same_kind(member, present)
        if member.kind is Kind.DIRECTORY:
            if present is None or not stat.S_ISDIR(present.st_mode):
                self._remove(folder, name)
                os.mkdir(name, 0o700, dir_fd=folder.descriptor)
            self._folders[(*folder.real, name)] = member
        elif member.kind is Kind.HARD_LINK:
            self._hard_link(member, folder, name)
        else:
            if present is not None:
                self._remove(folder, name)
            if member.kind is Kind.FILE:
                self._file(tar, member, folder.descriptor, name)
            elif member.kind is Kind.SYMLINK:
                self._symlink(member, folder.descriptor, name)
            else:
                self._fifo(member, folder.descriptor, name)
        created = found_at(folder.descriptor, name)
        if created:
            self._fresh.add(created.st_ino)

    def _new_file(self, tar: TarReader, member: Member, folder: int, name: bytes) -> bool:
        """Make a file where nothing is, as almost always; whether that went."""
        try:
            self._file(tar, member, folder, name)
        except FileExistsError:
            return False
        return True

    def _file(self, tar: TarReader, member: Member, folder: int, name: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o600, dir_fd=folder)
        try:
            self._fresh.add(os.fstat(descriptor).st_ino)
            written = 0
            for at, piece in tar.parts():
                write_at(descriptor, piece, at)
                written = at + len(piece)
            if written < member.size:
                os.ftruncate(descriptor, member.size)
            self._attributes(descriptor, member)
        finally:
            os.close(descriptor)

    def _fifo(self, member: Member, folder: int, name: bytes) -> None:
        os.mkfifo(name, 0o600, dir_fd=folder)
        # To read from one nobody is waited for so.
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            self._attributes(descriptor, member)
        finally:
            os.close(descriptor)

    def _symlink(self, member: Member, folder: int, name: bytes) -> None:
        if not member.target:
            raise InvalidFileError(f"a layer holds a link to nothing: {_show([member.name])}")
        os.symlink(member.target, name, dir_fd=folder)
        if self._owner:
            if self._few_users:
                recorded.forget_link(folder, name)
            self.has_recorded |= recorded.give_link(folder, name, (member.uid, member.gid))
        os.utime(name, ns=times(member), dir_fd=folder, follow_symlinks=False)

    def _hard_link(self, member: Member, folder: Folder, name: bytes) -> None:
        *parents, source = split_name(member.target) or (b"",)
        try:
            with self._opened(parents, create=False) as origin:
                state = found_at(origin.descriptor, source)
                if state is not None and not stat.S_ISDIR(state.st_mode):
                    self._link(origin, source, state, folder, name)
                    return
        except FileNotFoundError:
            pass
        raise InvalidFileError(
            f"a layer holds a hard link to what isn't a file in it: {_show([member.name])} → {_show([member.target])}"
        )

    def _link(self, origin: Folder, source: bytes, state: os.stat_result, folder: Folder, name: bytes) -> None:
        present = found_at(folder.descriptor, name)
        if present and (present.st_dev, present.st_ino) == (state.st_dev, state.st_ino):
            return
        self._remove(folder, name)
        os.link(source, name, src_dir_fd=origin.descriptor, dst_dir_fd=folder.descriptor, follow_symlinks=False)

    def _attributes(self, descriptor: int, member: Member) -> None:
        """Owner first: changing it takes set-user-id bits and capabilities away."""
        mode = stat.S_IMODE(member.mode)
        if self._owner:
            if self._few_users:
                recorded.forget(descriptor)
            if recorded.give(descriptor, owner := (member.uid, member.gid)):
                self.has_recorded = True
                mode = recorded.withhold(descriptor, owner, mode) if member.kind is Kind.FILE else mode
        os.fchmod(descriptor, mode)
        for name, value in member.xattrs:
            if is_kept(name):
                set_xattr(descriptor, name, value)
        os.utime(descriptor, ns=times(member))

    def _whiteout(self, folder: Folder, name: bytes) -> None:
        if name == _OPAQUE:
            for child in children(folder.descriptor):
                self._remove_lower(folder, child)
            return
        hidden = name.removeprefix(_WHITEOUT)
        if hidden in (b"", b".", b".."):
            raise InvalidFileError(f"a layer holds a whiteout of nothing: {_show([name])}")
        if not hidden.startswith(_WHITEOUT):
            self._remove_lower(folder, hidden)

    def _remove_lower(self, folder: Folder, name: bytes) -> None:
        """Remove what comes from layers below; whiteouts don't hide what their own layer brings."""
        state = found_at(folder.descriptor, name)
        if state is None:
            return
        if state.st_ino not in self._fresh:
            self._remove(folder, name)
        elif stat.S_ISDIR(state.st_mode):
            inner = os.open(name, _FOLDER, dir_fd=folder.descriptor)
            try:
                below = Folder(inner, (*folder.real, name))
                for child in children(inner):
                    self._remove_lower(below, child)
            finally:
                os.close(inner)

    def _remove(self, folder: Folder, name: bytes) -> None:
        """Remove a file, or a folder with all in it; nothing if there is nothing."""
        state = found_at(folder.descriptor, name)
        if state is None:
            return
        self._last.forget()
        if not stat.S_ISDIR(state.st_mode):
            os.unlink(name, dir_fd=folder.descriptor)
            return
        real = (*folder.real, name)
        inner = os.open(name, _FOLDER, dir_fd=folder.descriptor)
        try:
            for child in children(inner):
                self._remove(Folder(inner, real), child)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=folder.descriptor)
        self._folders.pop(real, None)


def _check_same_kind(member: Member, present: os.stat_result) -> None:
    is_folder = member.kind is Kind.DIRECTORY
    if is_folder is not stat.S_ISDIR(present.st_mode):
        there, comes = ("a file", "a folder") if is_folder else ("a folder", "none")
        raise InvalidFileError(
            f"{_show([member.name])} is {comes}, and {there} is in its place", hint="remove that, or copy elsewhere"
        )


def split_name(name: bytes) -> Components:
    """A member's name as components; empty for the root. Raises :class:`InvalidFileError` for one that leads out."""
    components = tuple(name.split(b"/"))
    if b"" in components or b"." in components:
        components = tuple(part for part in components if part not in (b"", b"."))
    if b".." in components or b"\0" in name:
        raise InvalidFileError(f"a layer holds a path that leads out of it: {_show([name])}")
    if len(components) > _MAX_DEPTH or max(map(len, components), default=0) > _MAX_COMPONENT:
        raise InvalidFileError(f"a layer holds a path that is too long: {_show([name])}")
    return components


def absolute_path(name: bytes) -> str:
    """A member's name as a path in the image. Raises :class:`InvalidFileError` as :func:`split_name` does."""
    return "/" + "/".join(os.fsdecode(part) for part in split_name(name))


def _show(components: Sequence[bytes]) -> str:
    return repr(b"/".join(components).decode(errors="replace")[:200])
