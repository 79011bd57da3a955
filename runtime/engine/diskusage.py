"""How much of the disk images, containers, volumes and answers that are kept take."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

from whit.packer.archives.archive import tree
from whit.packer.buildfile.build.cache import StepCache
from whit.packer.registry.pulling import partial_folder
from whit.packer.store.garbage import manifest_of
from whit.packer.store.users import users
from whit.packer.support.errors import StoreError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.sharing import shared_blobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from whit.packer.image.oci import Descriptor
    from whit.packer.store.store import Store, StoredImage
    from whit.runtime.engine.folder import Kept

OWN = ("upper",)
"""Of a container's folder, what the program has written to its root."""


@dataclass(frozen=True, slots=True)
class ImageUse:
    """An image on the disk: ``blobs`` (digest → bytes), its ``unpacked`` files, and what it has ``shared`` with others, in bytes.

    Of an index it is all that it leads to; ``id`` is this machine's image. ``containers`` need it.
    """

    names: tuple[str, ...]
    id: str
    digest: str
    created: str
    blobs: Mapping[str, int]
    unpacked: int
    shared: int
    containers: int

    @property
    def size(self) -> int:
        """All of it."""
        return sum(self.blobs.values()) + self.unpacked

    @property
    def unique(self) -> int:
        """What would go with it."""
        return self.size - self.shared


_BLOCK = 512


def tree_size(folder: Path | str) -> int:
    """Bytes of the files below a folder, each counted once, as they lie on the disk."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for state in _states(folder):
        if state.st_nlink > 1:
            if (state.st_dev, state.st_ino) in seen:
                continue
            seen.add((state.st_dev, state.st_ino))
        total += state.st_blocks * _BLOCK
    return total


def _states(folder: Path | str) -> Iterator[os.stat_result]:
    pending = [str(folder)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        yield entry.stat(follow_symlinks=False)
        except OSError:
            continue  # it has gone meanwhile


def container_size(kept: Kept) -> int:
    """What a container has written: to its root and to its log."""
    logs = sum(path.stat().st_size for path in kept.folder.glob("log*"))
    return sum(tree_size(kept.folder / name) for name in OWN) + logs


def image_files_size(store: Store) -> int:
    """All images' blobs and unpacked files."""
    return tree_size(store.layout.folder) + tree_size(store.rootfs_folder)


def cache_size(store: Store) -> tuple[int, int]:
    """Answers that are kept so that they needn't be worked out again: how many, and their bytes."""
    sizes = [state.st_blocks * _BLOCK for folder in cache_folders(store) for state in _states(folder)]
    return len(sizes), sum(sizes) + build_size(store)


def build_size(store: Store) -> int:
    """What builds keep: snapshots of their steps, and caches of RUN."""
    return tree_size(StepCache(store).folder)


def sources_size(store: Store) -> int:
    """Of what builds keep, programs built from sources, and what their compilers want to find again."""
    folders = (path for kind in ("source-*", "work-*", "hermetic-*") for path in caches_folder(store).glob(kind))
    return sum(tree_size(folder) for folder in folders)


def caches_folder(store: Store) -> Path:
    """Where these are."""
    return StepCache(store).folder / "caches"


def cache_folders(store: Store) -> list[Path]:
    """Where those answers are."""
    kinds = store.cache_folder.iterdir() if store.cache_folder.is_dir() else ()
    folders = (*kinds, store.root / "plans", store.root / "oci" / "@plans")
    return [folder for folder in folders if folder.is_dir()]


def unfinished(store: Store) -> tuple[int, int]:
    """Blobs that registries haven't sent whole yet: how many, and their bytes; they count as cache."""
    sizes = [state.st_blocks * _BLOCK for state in _states(partial_folder(store))]
    return len(sizes), sum(sizes)


def image_uses(store: Store) -> list[ImageUse]:
    """All images, the newest name first; those that only containers need any more, too."""
    needing = [user.digest for user in users(store.root)]
    found = _images(store, needing)
    common = {blob.digest for blob in shared_blobs(one.blobs for one in found.values())}
    unpacked = _unpacked(store)
    return [
        ImageUse(
            names=tuple(one.names),
            id=one.image.image_id,
            digest=digest,
            created=one.image.config.created or "",
            blobs=one.blobs,
            unpacked=sum(unpacked.get(name.removeprefix("sha256:"), 0) for name in one.blobs),
            shared=sum(size for name, size in one.blobs.items() if name in common),
            containers=sum(name in one.blobs for name in needing),
        )
        for digest, one in found.items()
    ]


@dataclass(slots=True)
class _Found:
    image: StoredImage
    blobs: dict[str, int]
    names: list[str]


def _images(store: Store, needing: Iterable[str]) -> dict[str, _Found]:
    """Images by the digest that their names point to: a manifest's, or an index's."""
    found: dict[str, _Found] = {}
    inside: set[str] = set()
    for reference, descriptor in reversed(store.entries()):
        with contextlib.suppress(StoreError):
            if descriptor.digest not in found:
                found[descriptor.digest] = _found(store, descriptor)
                inside.update(found[descriptor.digest].blobs)
            found[descriptor.digest].names += [reference.familiar] if reference else []
    for digest in dict.fromkeys(needing):
        left = manifest_of(store, digest) if digest not in inside else None
        with contextlib.suppress(StoreError):
            if left:
                found[digest] = _found(store, left)
    return found


def _found(store: Store, descriptor: Descriptor) -> _Found:
    image = store.image(descriptor)
    with contextlib.suppress(StoreError):
        return _Found(image, {blob.digest: blob.size for blob in tree(store.layout, descriptor)}, [])
    # Of an index, others' images may be missing.
    return _Found(image, {blob.digest: blob.size for blob in (*image.manifest.blobs, image.descriptor)}, [])


def _unpacked(store: Store) -> dict[str, int]:
    """The digits of a manifest's digest → bytes of its image's unpacked files."""
    found: dict[str, int] = {}
    try:
        for path in store.rootfs_folder.iterdir():
            if path.is_dir():
                key = path.name.partition(".")[0]
                found[key] = found.get(key, 0) + tree_size(path)
    except FileNotFoundError:
        pass
    return found
