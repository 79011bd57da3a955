"""A stage as far as it has been built: its base image, and one snapshot a step."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whit.packer.support import durable
from whit.packer.buildfile.build.cache import step_key
from whit.packer.buildfile.build.steps import Layers
from whit.packer.store.rootfs import lock_path, prepare_rootfs
from whit.packer.support.userns import read_ids

if TYPE_CHECKING:
    from whit.packer.buildfile.build.cache import Record, StepCache
    from whit.packer.store.store import Store, StoredImage
    from whit.packer.support.userns import Ids


@dataclass(frozen=True, slots=True)
class Chain:
    """``lowers`` are the folders of all snapshots, the newest first, and of the base; ``id`` stands for what is in them."""

    id: str
    lowers: tuple[str, ...]
    base: StoredImage | None = None
    records: tuple[Record, ...] = ()

    @property
    def base_digest(self) -> str:
        """The base image's manifest; empty for scratch."""
        return self.base.digest if self.base else ""

    @property
    def layers(self) -> Layers:
        """Its files, as they are."""
        return Layers(self.lowers)

    def after(self, record: Record, cache: StepCache) -> Chain:
        """With one step more."""
        files = str(cache.files(record))
        # A layer of COPY --link may stand twice; overlayfs takes each folder once.
        lowers = (files, *(folder for folder in self.lowers if folder != files))
        return replace(self, id=record.snapshot, lowers=lowers, records=(*self.records, record))


def empty_chain(cache: StepCache) -> Chain:
    """FROM scratch."""
    folder = cache.folder / "empty"
    folder.mkdir(mode=0o755, exist_ok=True)
    return Chain(step_key("scratch", *_told(read_ids())), (str(folder),))


def _told(ids: Ids | None) -> list[object]:
    """What of the ids is part of a step's key: which owners files have, and which a RUN sees."""
    return [[ids.users, ids.groups]] if ids else []


def chain_on(store: Store, image: StoredImage, held: ExitStack) -> Chain:
    """FROM an image: its files are unpacked if they aren't yet, and stay as long as they are ``held``.

    Raises :class:`StoreError`, :class:`InvalidFileError`.
    """
    ids = read_ids()
    while True:
        rootfs = prepare_rootfs(store, image, (), ids)
        with ExitStack() as holding:
            holding.enter_context(durable.locked(lock_path(rootfs), exclusive=False))
            if rootfs.is_dir():
                held.push(holding.pop_all())
                break
    return Chain(step_key("base", *image.config.diff_ids, *_told(ids)), (str(rootfs),), image)
