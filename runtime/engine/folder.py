"""Containers' folders: made whole, found by name or ID, listed, renamed, removed. docs/engine.md says what is in them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

from whit.packer.showing.console import human_size
from whit.packer.support import durable
from whit.packer.support.errors import ExitCode, InvalidFileError, NotFoundError, StoreError, UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.packer.support.lightjson import load
from whit.packer.support.locks import take_lock
from whit.packer.support.shortid import short_id
from whit.runtime.engine.documents import from_document, to_document
from whit.runtime.engine.happened import ACTOR, actor_text, container_event
from whit.runtime.engine.model import Container, Root
from whit.runtime.engine.networks.members import read_member
from whit.runtime.engine.networks.model import DEFAULT
from whit.runtime.engine.reading import (
    DIGITS,
    DOCUMENT,
    FOLDER,
    ID_DIGITS,
    RECORDS,
    ids,
    read_container,
    read_some,
    status_of,
)
from whit.runtime.oci.records import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from whit.runtime.engine.networks.model import PortMapping
    from whit.runtime.engine.status import Status


@dataclass(frozen=True, slots=True)
class Kept:
    """A container and its folder."""

    container: Container
    folder: Path

    @property
    def status(self) -> Status:
        """What has become of it, now."""
        return status_of(str(self.folder.parent.parent), self.container.id)

    @property
    def records(self) -> Path:
        """Where whit-oci keeps what it knows of containers."""
        return self.folder.parent.parent / RECORDS


def new_id() -> str:
    """64 random digits."""
    return os.urandom(ID_DIGITS // 2).hex()


@dataclass(frozen=True, slots=True)
class Containers:
    """All of a store's containers. Making one touches nothing."""

    root: Path

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self.root / FOLDER

    @property
    def names(self) -> Path:
        """Where names are taken."""
        return self.folder / "names"

    @property
    def records(self) -> Path:
        """Where whit-oci keeps its own."""
        return self.root / RECORDS

    def at(self, container_id: str) -> Path:
        """A container's folder."""
        return self.folder / container_id

    def add(self, container: Container, files: Mapping[str, bytes], folders: tuple[str, ...] = ()) -> Kept:
        """Make a container's folder, whole or not at all, and take its name. Raises :class:`UsageError` for one that is taken."""
        with durable.store_errors(f"write the container {container.name}"):
            for folder in (self.root, self.folder, self.names, self.records):
                durable.private_folder(folder)
            place = self.at(container.id)
            temporary = durable.temporary_beside(place)
            with contextlib.ExitStack() as held:
                with durable.locked_folder(self.folder, exclusive=False):
                    temporary.mkdir(mode=0o700)
                    held.enter_context(durable.locked_folder(temporary, exclusive=True))
                try:
                    for name in folders:
                        (temporary / name).mkdir(parents=True, exist_ok=True)
                    _limit(container, temporary, self.folder)
                    for name, data in {**files, DOCUMENT: _encoded(container), ACTOR: actor_text(container)}.items():
                        _write(temporary / name, data)
                    self._take_name(container.name, container.id)
                    temporary.rename(place)
                except BaseException:
                    _remove(container, temporary)
                    self._give_name_back(container.name, container.id)
                    raise
            durable.sync_folder(self.folder)
        container_event(self.root, container, "create")
        return Kept(container, place)

    def _take_name(self, name: str, container_id: str) -> None:
        link = self.names / name
        for _ in range(2):
            try:
                link.symlink_to(f"../{container_id}")
            except FileExistsError:
                owner = link.readlink().name
                if self._is_owner(name, owner):
                    raise UsageError(
                        f"the name '{name}' is taken by container {short_id(owner)}",
                        hint=f"choose another one, or remove that: whit rm {name}",
                        exit_code=ExitCode.FAILURE,
                    ) from None
                self._give_name_back(name, owner)
            else:
                return
        raise StoreError(f"the name '{name}' is being taken by somebody else", hint="try again")

    def _is_owner(self, name: str, container_id: str) -> bool:
        """A name whose taker was killed before its folder was there belongs to nobody, after a while."""
        with contextlib.suppress(OSError, InvalidFileError):
            return self.read(container_id).container.name == name
        with contextlib.suppress(OSError):
            return 0 <= time.time() - (self.names / name).lstat().st_mtime < _BEING_MADE_S
        return False

    def _give_name_back(self, name: str, container_id: str) -> None:
        link = self.names / name
        with contextlib.suppress(OSError):
            if link.readlink().name == container_id:
                link.unlink()

    def read(self, container_id: str) -> Kept:
        """A container by its whole ID. Raises FileNotFoundError or :class:`InvalidFileError`."""
        return Kept(read_container(str(self.root), container_id), self.at(container_id))

    def ids(self) -> tuple[str, ...]:
        """All containers' IDs."""
        return ids(str(self.root))

    def list(self) -> tuple[Kept, ...]:
        """All of them, the newest first. One that is removed just then isn't among them; a damaged one isn't either."""
        return tuple(Kept(container, self.at(container.id)) for container in read_some(str(self.root), self.ids()))

    def find(self, text: str) -> Kept:
        """The container of a name, an ID, or the beginning of one. Raises :class:`NotFoundError` with the nearest names."""
        try:
            return self.read(self._id_of(text))
        except FileNotFoundError:
            raise self._not_found(text) from None

    def _id_of(self, text: str) -> str:
        with durable.store_errors(f"read the containers in {self.root}"):
            found = self._named(text)
            if found is None and text and not text.strip(DIGITS):
                found = self._beginning(text)
        if found is None:
            raise self._not_found(text)
        return found

    def find_damaged(self, text: str) -> Kept:
        """One whose description can't be read, as far as it must be known to be removed. Raises :class:`NotFoundError`."""
        found = self._id_of(text)
        links = (link for link in self.names.iterdir() if link.is_symlink() and link.readlink().name == found)
        name = next((link.name for link in links), found)
        return Kept(Container(found, name, 0, "", "", "", (), Root("", ""), network=DEFAULT), self.at(found))

    def _named(self, text: str) -> str | None:
        if not text or "/" in text or text.startswith("."):
            return None
        with contextlib.suppress(OSError):
            owner = (self.names / text).readlink().name
            if (self.at(owner) / DOCUMENT).exists():
                return owner
        return None

    def _beginning(self, text: str) -> str | None:
        found = [container_id for container_id in self.ids() if container_id.startswith(text)]
        if len(found) > 1:
            raise UsageError(f"{text} is the beginning of more than one container's ID", hint="give more digits")
        return found[0] if found else None

    def _not_found(self, text: str) -> NotFoundError:
        names = [container.name for container in read_some(str(self.root), self.ids())]
        import difflib  # noqa: PLC0415 - of use for an error only

        near = difflib.get_close_matches(text, names, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "'whit ps -a' lists the containers"
        return NotFoundError(f"there is no container {text}", hint=hint)

    @contextlib.contextmanager
    def changing(self, kept: Kept) -> Iterator[Kept]:
        """The container as it is now, for who alone may write its description meanwhile: two at once would each write what they have read."""
        try:
            descriptor = os.open(kept.folder / "bundle", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFoundError(f"container {kept.container.name} has been removed just now") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield self.find(kept.container.id)
        finally:
            os.close(descriptor)

    def replace(self, kept: Kept, container: Container) -> Kept:
        """Write a container's description anew, while it is :meth:`changing`."""
        with durable.store_errors(f"write the container {container.name}"):
            durable.write_whole(kept.folder / DOCUMENT, _encoded(container))
        return replace(kept, container=container)

    def rename(self, kept: Kept, name: str) -> Kept:
        """Give a container another name. Raises :class:`UsageError` for one that is taken."""
        with durable.store_errors(f"rename the container {kept.container.name}"):
            self._take_name(name, kept.container.id)
            try:
                with self.changing(kept) as now:
                    renamed = self.replace(now, replace(now.container, name=name))
            except BaseException:
                self._give_name_back(name, kept.container.id)
                raise
            durable.write_whole(kept.folder / ACTOR, actor_text(renamed.container))
            self._give_name_back(kept.container.name, kept.container.id)
        container_event(self.root, renamed.container, "rename", oldName=f"/{kept.container.name}")
        return renamed

    def remove(self, container_id: str, name: str) -> None:
        """Remove a container's folder and name; whoever calls holds its lock. What is left of a removal that was killed goes too."""
        with durable.store_errors(f"remove the container {name}"):
            place = self.at(container_id)
            gone = durable.temporary_beside(place)
            removed = None
            with contextlib.ExitStack() as held:
                with contextlib.suppress(FileNotFoundError), durable.locked_folder(self.folder, exclusive=False):
                    with contextlib.suppress(InvalidFileError, NotADirectoryError):
                        removed = self.read(container_id).container
                    place.rename(gone)
                    held.enter_context(durable.locked_folder(gone, exclusive=True))
                self._give_name_back(name, container_id)
                _remove(removed, gone)
            self.sweep()
        if removed:
            container_event(self.root, removed, "destroy")

    def sweep(self) -> None:
        """Remove what commands that were killed have left half made or half removed: nobody holds its lock any more."""
        with contextlib.ExitStack() as held:
            with durable.locked_folder(self.folder, exclusive=True, wait=False) as alone:
                names = os.listdir(self.folder) if alone else []  # noqa: PTH208 - as in ids
                left = []
                for path in (self.folder / name for name in names if name.startswith(durable.TEMPORARY)):
                    with contextlib.suppress(FileNotFoundError):  # whoever removes it is done by now
                        if held.enter_context(durable.locked_folder(path, exclusive=True, wait=False)):
                            left.append(path)
            for path in left:
                # Files of a user's subordinates go with their container's next removal.
                with contextlib.suppress(OSError):
                    _remove(_container_in(path), path)

    def published(self, kept: Kept) -> tuple[PortMapping, ...]:
        """The ports that are published now, with the host's ports that were free where any would do."""
        member = read_member(self.root, kept.container.id)
        return member.ports if member else ()

    def size_text(self, kept: Kept) -> str:
        """What a container has written to its layer, as docker tells it; (virtual) is with the image."""
        own = _size_of(kept.folder / "upper")
        return f"{human_size(own)} (virtual {human_size(own + _size_of(kept.container.root.rootfs))})"

    @contextlib.contextmanager
    def locked(self, kept: Kept) -> Iterator[bool]:
        """The lock that its supervisor holds; False where there is one, or another command is at work on it."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(kept.folder / "lock", flags, 0o600)
        except FileNotFoundError:
            raise NotFoundError(f"container {kept.container.name} has been removed just now") from None
        except OSError as error:
            with durable.store_errors(f"lock the container {kept.container.name}"):
                raise error from None
        try:
            yield take_lock(descriptor)
        finally:
            os.close(descriptor)


_BEING_MADE_S = 60


def _size_of(folder: Path | str) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(f"{parent}/{name}").st_size
    return total


def _limit(container: Container, folder: Path, where: Path) -> None:
    """Let the layer that the container writes to hold no more than was asked; overlayfs moves files from one of its folders to the other."""
    if container.root.size:
        from whit.runtime.engine import quota  # noqa: PLC0415 - seldom asked for

        asked = f"--storage-opt size={container.root.size}"
        quota.limit((folder / "upper", folder / "work"), container.root.size, asked, where)


def _remove(container: Container | None, folder: Path) -> None:
    """Its folder, and what its layer was limited to."""
    if container is None or not container.root.size:
        durable.remove_tree(folder)
        return
    from whit.runtime.engine import quota  # noqa: PLC0415 - as above

    number = quota.project_of(folder / "upper")
    durable.remove_tree(folder)
    quota.forget(folder.parent, number)


def _container_in(folder: Path) -> Container | None:
    """What a folder's document says, as far as it was written."""
    path = f"{folder}/{DOCUMENT}"
    try:
        return from_document(load(read_regular(path)), path)
    except (OSError, ValueError, RecursionError, InvalidFileError):
        return None


def _encoded(container: Container) -> bytes:
    from whit.packer.support.jsondoc import canonical_json  # noqa: PLC0415 - who only reads needs no json

    return canonical_json(to_document(container))


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor
        durable.write_all(file, data)
        os.fsync(file.fileno())
