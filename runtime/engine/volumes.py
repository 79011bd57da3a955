"""Volumes: folders of the store that containers share and that outlive them. docs/volumes.md says what is on disk.

Who makes a container or a volume holds ``volumes/.lock`` shared, who removes volumes exclusively: so none is removed
between being found and being written into a container's description.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import stat
import time
from dataclasses import dataclass

from whit.packer.store.inroot import open_in_root
from whit.packer.store.unpack import Limits, Unpacker
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, NotFoundError, UsageError
from whit.packer.support.jsondoc import canonical_json
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.tar.read import TarReader
from whit.packer.tar.tree import TreeReader
from whit.runtime.engine import quota
from whit.runtime.engine.happened import pruned, volume_event
from whit.runtime.engine.mounting import VOLUME_NAME
from whit.runtime.engine.volumeform import Volume, check_options, from_document, parse_quota, to_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from whit.runtime.engine.folder import Kept
    from whit.runtime.engine.mounting import Pairs

DOCUMENT, DATA = "volume.json", "data"
_FILLING, _LOCK, _NEW = "filling", "lock", "new"
_ALL = ".lock"
"""Beside the volumes, whose names never begin with a dot."""

_ID_BYTES = 32


def anonymous_name() -> str:
    """64 random digits, as docker's."""
    return os.urandom(_ID_BYTES).hex()


@dataclass(frozen=True, slots=True)
class Volumes:
    """All of a store's volumes. Making one touches nothing."""

    root: Path

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self.root / "volumes"

    def data(self, name: str) -> Path:
        """Where a volume's files are."""
        return self.folder / name / DATA

    @contextlib.contextmanager
    def using(self) -> Iterator[None]:
        """Until the block ends no volume is removed."""
        with contextlib.ExitStack() as held:
            with durable.store_errors(f"use the volumes in {self.folder}"):
                for folder in (self.root, self.folder):
                    durable.private_folder(folder)
                held.enter_context(durable.locked(self.folder / _ALL, exclusive=False))
            yield

    @contextlib.contextmanager
    def _removing(self) -> Iterator[None]:
        with durable.locked(self.folder / _ALL, exclusive=True):
            durable.sweep_temporaries(self.folder)
            yield

    def make(self, volume: Volume) -> Volume:
        """Make a volume, or give the one that has the name; within :meth:`using`. Raises :class:`UsageError` if that differs."""
        check_options(volume.options)
        place = self.folder / volume.name
        with durable.store_errors(f"make the volume {volume.name}"):
            temporary = durable.temporary_beside(place)
            temporary.mkdir(mode=0o700)
            try:
                (temporary / DATA).mkdir()
                (temporary / DATA).chmod(0o755)
                if size := dict(volume.options).get("size"):
                    asked = f"--opt size={size}"
                    quota.limit((temporary / DATA,), parse_quota(size, "--opt size="), asked, self.folder)
                (temporary / _NEW).touch()
                durable.write_whole(temporary / DOCUMENT, canonical_json(to_document(volume)))
                temporary.rename(place)
            except OSError:
                _removed(temporary)
                if not place.is_dir():
                    raise
                return self._same(volume)
            except BaseException:
                _removed(temporary)
                raise
            durable.sync_folder(self.folder)
        volume_event(self.root, volume.name, "create")
        return volume

    def _same(self, wanted: Volume) -> Volume:
        found = self.find(wanted.name)
        if wanted.options and wanted.options != found.options:
            raise UsageError(
                f"there is a volume {wanted.name} with other options", hint="leave the options out, or choose a name"
            )
        return found

    def find(self, name: str) -> Volume:
        """A volume by its name. Raises :class:`NotFoundError` with the nearest names."""
        path = self.folder / (name if VOLUME_NAME.fullmatch(name) else ".none") / DOCUMENT
        try:
            return from_document(json.loads(path.read_bytes()), str(path))
        except (FileNotFoundError, NotADirectoryError):
            near = difflib.get_close_matches(name, [volume.name for volume in self.every()], n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "'whit volume ls' lists the volumes"
            raise NotFoundError(f"there is no volume {name}", hint=hint) from None
        except ValueError:
            raise InvalidFileError(f"{path} is damaged", hint="its files are beside it, in data") from None

    def every(self) -> tuple[Volume, ...]:
        """All of them, by name. One that is removed just then, or is damaged, isn't among them."""
        try:
            names = sorted(os.listdir(self.folder))  # noqa: PTH208 - names alone
        except FileNotFoundError:
            return ()
        return tuple(self._readable(names))

    def _readable(self, names: Iterable[str]) -> Iterator[Volume]:
        for name in names:
            path = self.folder / name / DOCUMENT
            with contextlib.suppress(OSError, ValueError, InvalidFileError):
                yield from_document(json.loads(path.read_bytes()), str(path))

    def remove(self, name: str, users: Callable[[], Iterable[Kept]]) -> None:
        """Remove a volume with all in it. Raises :class:`UsageError` for one that a container has."""
        self.find(name)
        with durable.store_errors(f"remove the volume {name}"), self._removing():
            by = [kept.container.name for kept in users() if name in names_in(kept)]
            if by:
                raise UsageError(f"volume {name} is used by container {', '.join(by)}", hint=f"whit rm {by[0]}")
            self._discard(name)

    def prune(self, users: Callable[[], Iterable[Kept]], wanted: Callable[[Volume], bool]) -> tuple[list[str], int]:
        """Remove all that no container has and that are ``wanted``: (their names, bytes)."""
        gone, size = self._remove_unused(users, wanted)
        pruned(self.root, "volume", size)
        return gone, size

    def _remove_unused(
        self, users: Callable[[], Iterable[Kept]], wanted: Callable[[Volume], bool]
    ) -> tuple[list[str], int]:
        gone: list[str] = []
        size = 0
        if not self.folder.is_dir():
            return gone, size
        with durable.store_errors("remove volumes"), self._removing():
            used = {name for kept in users() for name in names_in(kept)}
            for volume in self.every():
                if volume.name not in used and wanted(volume):
                    size += tree_size(self.data(volume.name))
                    self._discard(volume.name)
                    gone.append(volume.name)
        return gone, size

    def _discard(self, name: str) -> None:
        gone = durable.temporary_beside(self.folder / name)
        with contextlib.suppress(FileNotFoundError):
            (self.folder / name).rename(gone)
        _removed(gone)
        volume_event(self.root, name, "destroy")

    def discard(self, names: Iterable[str]) -> None:
        """Remove volumes that were made just now and that nobody knows of."""
        for name in names:
            self._discard(name)

    def forget(self, names: Iterable[str], users: Callable[[], Iterable[Kept]]) -> None:
        """Remove those of these volumes that no container has any more: anonymous ones, with their container."""
        wanted = set(names)
        if wanted and self.folder.is_dir():
            self._remove_unused(users, lambda volume: volume.name in wanted)

    def fill(self, name: str, rootfs: Path, target: str, owner: tuple[int, int], *, copies: bool) -> None:
        """Give an empty volume what the image has at ``target``, with owners and modes; within :meth:`using`.

        A new one for which the image has nothing there belongs to ``owner``, the container's user.

        The copy is made beside it and moved in once it is whole, and whoever uses the volume next goes on with a move
        that was cut off.
        """
        place = self.folder / name
        data, filling = place / DATA, place / _FILLING
        with durable.store_errors(f"copy into the volume {name}"), durable.locked(place / _LOCK, exclusive=True):
            if filling.is_dir() or (copies and not any(data.iterdir()) and _copied(rootfs, target, filling, data)):
                _move_in(filling, data)
            if (place / _NEW).exists():
                # A user's volume is its own, and so the container's user's, who is nobody else.
                if os.geteuid() == 0 and not any(data.iterdir()) and _is_plain(data.stat()):
                    os.chown(data, *owner)
                (place / _NEW).unlink()


def _removed(folder: Path) -> None:
    """A volume's folder with all that it has, and its quota."""
    number = quota.project_of(folder / DATA)
    durable.remove_tree(folder)
    quota.forget(folder.parent, number)


def _copied(rootfs: Path, target: str, filling: Path, data: Path) -> bool:
    """Copy a folder of the image; False where there is none, or nothing in it and nothing special about it."""
    root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        source = open_in_root(root, os.fsencode(target))
    except OSError:
        return False
    finally:
        os.close(root)
    temporary = durable.temporary_beside(filling)
    try:
        state = os.fstat(source)
        if not stat.S_ISDIR(state.st_mode) or (_is_plain(state) and not os.listdir(f"/proc/self/fd/{source}")):  # noqa: PTH208
            return False
        temporary.mkdir(mode=0o700)
        quota.share(data, temporary)
        limits = Limits(entries=1 << 40, size=1 << 60)
        with Unpacker(temporary, is_layer=False, limits=limits) as unpacker:
            unpacker.layer(TarReader(TreeReader().tar(source, b".")))
            unpacker.finish()
        durable.sync_file_system(temporary)
        temporary.rename(filling)
    finally:
        os.close(source)
        durable.remove_tree(temporary)
    return True


def _is_plain(state: os.stat_result) -> bool:
    return (state.st_uid, state.st_gid, stat.S_IMODE(state.st_mode)) == (0, 0, 0o755)


def _move_in(filling: Path, data: Path) -> None:
    state = filling.stat()
    for path in filling.iterdir():
        if not os.path.lexists(data / path.name):
            path.rename(data / path.name)
    if os.geteuid() == 0:
        os.chown(data, state.st_uid, state.st_gid)
    data.chmod(stat.S_IMODE(state.st_mode))
    durable.sync_folder(data)
    durable.remove_tree(filling)


def names_in(kept: Kept) -> set[str]:
    """The volumes that a container has."""
    return {mount.name for mount in kept.container.mounts if mount.name}


def anonymous_in(kept: Kept) -> set[str]:
    """The volumes that were made for a container alone."""
    return {mount.name for mount in kept.container.mounts if mount.name and mount.is_anonymous}


def new_volume(name: str, options: Pairs = (), labels: Pairs = (), *, is_anonymous: bool = False) -> Volume:
    """A volume to be made now."""
    return Volume(name, time.time_ns(), labels, options, is_anonymous)


def tree_size(folder: Path) -> int:
    """Bytes of the files below a folder."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(f"{parent}/{name}").st_size
    return total
