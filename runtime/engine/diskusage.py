"""How much of the disk images, containers, volumes and answers that are kept take."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import dataclass

from whit.packer.buildfile.build.cache import StepCache
from whit.packer.store.garbage import manifest_of
from whit.packer.store.users import users
from whit.packer.support.errors import StoreError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from whit.packer.store.store import Store, StoredImage
    from whit.runtime.engine.folder import Kept

OWN = ("upper",)
"""Of a container's folder, what the program has written to its root."""


@dataclass(frozen=True, slots=True)
class ImageUse:
    """An image on the disk: ``shared`` with others and ``unique``, in bytes; ``containers`` need it."""

    names: tuple[str, ...]
    id: str
    digest: str
    created: str
    size: int
    shared: int
    containers: int

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


def cache_folders(store: Store) -> list[Path]:
    """Where those answers are."""
    kinds = store.cache_folder.iterdir() if store.cache_folder.is_dir() else ()
    folders = (*kinds, store.root / "plans", store.root / "oci" / "@plans")
    return [folder for folder in folders if folder.is_dir()]


def image_uses(store: Store) -> list[ImageUse]:
    """All images, the newest name first; those that only containers need any more, too."""
    needing = [user.digest for user in users(store.root)]
    images, names = _images(store, needing)
    times = Counter(blob.digest for image in images.values() for blob in image.manifest.blobs)
    unpacked = _unpacked(store)
    return [
        ImageUse(
            names=tuple(names[digest]),
            id=image.image_id,
            digest=digest,
            created=image.config.created or "",
            size=image.size + unpacked.get(image.descriptor.hex, 0),
            shared=sum(blob.size for blob in image.manifest.blobs if times[blob.digest] > 1),
            containers=needing.count(digest),
        )
        for digest, image in images.items()
    ]


def _images(store: Store, needing: Iterable[str]) -> tuple[dict[str, StoredImage], dict[str, list[str]]]:
    """Images and names by the manifest's digest."""
    images: dict[str, StoredImage] = {}
    names: dict[str, list[str]] = {}
    unnamed = ((None, manifest_of(store, digest)) for digest in dict.fromkeys(needing))
    for reference, descriptor in (*reversed(store.entries()), *unnamed):
        with contextlib.suppress(StoreError):
            image = store.image(descriptor, reference) if descriptor else None
            if image:
                images.setdefault(image.digest, image)
                names.setdefault(image.digest, []).extend([reference.familiar] if reference else [])
    return images, names


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
