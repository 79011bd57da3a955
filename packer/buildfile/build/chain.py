"""A stage as far as it has been built: its base image, and one snapshot a step."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from whit.packer.support.light import dataclass, replace
from whit.packer.support import durable
from whit.packer.buildfile.build.cache import step_key
from whit.packer.buildfile.build.steps import Layers
from whit.packer.store.rootfs import lock_path, prepare_rootfs
from whit.packer.support.userns import read_ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.buildfile.build.cache import Record, StepCache
    from whit.packer.store.store import Store, StoredImage
    from whit.packer.support.userns import Ids


@dataclass(frozen=True, slots=True)
class Chain:
    """``lowers`` are the folders of all snapshots, the newest first, and of the base; ``id`` stands for what is in them.

    ``portable`` does so on every machine, None where it isn't known; ``keys`` are such of each record's step. Of the last
    ``absent`` records no snapshot is there: their steps were found in a cache from elsewhere.
    """

    id: str
    lowers: tuple[str, ...]
    base: StoredImage | None = None
    records: tuple[Record, ...] = ()
    portable: str | None = None
    keys: tuple[tuple[str, ...], ...] = ()
    absent: int = 0

    @property
    def base_digest(self) -> str:
        """The base image's manifest; empty for scratch."""
        return self.base.digest if self.base else ""

    @property
    def layers(self) -> Layers:
        """Its files, as they are."""
        return Layers(self.lowers)

    def found(self, record: Record, keys: tuple[str, ...], portable: str) -> Chain:
        """With one step more, whose files aren't there yet."""
        return replace(
            self, records=(*self.records, record), keys=(*self.keys, keys), portable=portable, absent=self.absent + 1
        )

    def whole(self, have: Callable[[Record], Record], cache: StepCache) -> Chain:
        """With all its files; ``have`` gives a record its snapshot."""
        if not self.absent:
            return self
        count = len(self.records) - self.absent
        there = replace(self, records=self.records[:count], keys=self.keys[:count], absent=0)
        for record, keys in zip(self.records[count:], self.keys[count:], strict=True):
            there = there.after(have(record), cache, keys)
        return replace(there, portable=self.portable)

    def after(self, record: Record, cache: StepCache, keys: tuple[str, ...] = (), portable: str | None = None) -> Chain:
        """With one step more."""
        files = str(cache.files(record))
        # A layer of COPY --link may stand twice; overlayfs takes each folder once.
        lowers = (files, *(folder for folder in self.lowers if folder != files))
        return replace(
            self, id=record.snapshot, lowers=lowers, records=(*self.records, record), portable=portable, keys=(*self.keys, keys)
        )


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
