"""Removing what isn't used: containers that don't run, images that none needs."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from datetime import datetime

from whit.packer.buildfile.build.cache import StepCache
from whit.packer.store.fetched import fetched_folder, fetched_in, remove_fetched
from whit.packer.store.garbage import collect
from whit.packer.store.users import users
from whit.packer.support.errors import NotFoundError, StoreError, UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine import ending
from whit.runtime.engine.ages import SECOND, parse_moment
from whit.runtime.engine.diskusage import cache_folders, cache_size, container_size, image_files_size, tree_size
from whit.runtime.engine.happened import pruned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from whit.packer.store.fetched import Fetched
    from whit.packer.store.store import Removed, Store, StoredImage
    from whit.runtime.engine.folder import Containers

FILTERS = ("until", "label", "label!")


@dataclass(frozen=True, slots=True)
class Chosen:
    """``--filter``'s words: made before all of these times, with all of these labels and none of those."""

    until: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()

    def takes(self, created: int, labels: Mapping[str, str]) -> bool:
        """Whether something passes that was made then, in ns since 1970, and has these labels."""
        return (
            all(created < end for end in self.until)
            and all(_has(labels, wanted) for wanted in self.labels)
            and not any(_has(labels, unwanted) for unwanted in self.unlabelled)
        )


def _has(labels: Mapping[str, str], text: str) -> bool:
    name, equals, value = text.partition("=")
    return name in labels and (not equals or labels[name] == value)


def parse_chosen(texts: Iterable[str], *, more: tuple[str, ...] = ()) -> Chosen:
    """The filters; those of ``more`` are somebody else's. Raises :class:`UsageError`."""
    found: dict[str, list[str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in (*FILTERS, *more):
            raise UsageError(
                f"--filter: '{text}'", hint=f"write NAME=VALUE; NAME is one of {', '.join((*FILTERS, *more))}"
            )
        found.setdefault(name, []).append(value)
    untils = tuple(parse_moment(text, time.time_ns(), "--filter until=") for text in found.get("until", ()))
    return Chosen(untils, tuple(found.get("label", ())), tuple(found.get("label!", ())))


def prune_containers(containers: Containers, chosen: Chosen) -> Iterator[tuple[str, int]]:
    """Remove those that don't run: (ID, bytes of the disk) of each that has gone."""
    total = 0
    if containers.folder.is_dir():
        containers.sweep()
    for kept in containers.list():
        container = kept.container
        if kept.status.supervised or not chosen.takes(container.created, dict(container.labels)):
            continue
        size = container_size(kept)
        try:
            ending.remove(containers, kept)
        except (WhitError, FileNotFoundError):
            continue  # it was started or removed meanwhile
        total += size
        yield container.id, size
    pruned(containers.root, "container", total)


@dataclass(frozen=True, slots=True)
class PrunedImages:
    """Names and IDs that are gone, and bytes of the disk."""

    removed: tuple[Removed, ...] = field(default=())
    size: int = 0


def prune_images(store: Store, chosen: Chosen, *, everything: bool) -> PrunedImages:
    """Remove images that no container needs: those without a name, or all; and what no image needs of the store's files."""
    if not store.root.is_dir():
        return PrunedImages()
    before = image_files_size(store)
    needed = {user.digest for user in users(store.root)}
    removed = []
    for reference, descriptor in store.entries():
        if reference and not everything:
            continue
        try:
            image = store.image(descriptor, reference)
            if image.digest not in needed and chosen.takes(created_at(image), dict(image.config.run.labels)):
                removed.append(store.remove(reference.familiar if reference else descriptor.digest))
        except (StoreError, NotFoundError):
            continue
    collect(store, wait=True)
    size = max(before - image_files_size(store), 0)
    pruned(store.root, "image", size)
    return PrunedImages(tuple(removed), size)


def forget_answers(store: Store) -> int:
    """Remove what is kept so that it needn't be worked out again. Bytes of the disk."""
    _, size = cache_size(store)
    for folder in cache_folders(store):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):
                path.unlink()
    forget_steps(store)
    return size


def forget_steps(store: Store, before: float | None = None) -> None:
    """Forget what builds have done, or what was last used before a time, in seconds since 1970."""
    cache = StepCache(store)
    if cache.folder.is_dir():
        cache.forget(before)
        collect(store)


def forget_toolchains(store: Store, chosen: Chosen, *, everything: bool) -> tuple[tuple[Fetched, ...], int]:
    """Remove those that whit has fetched and since fetches in a newer version, or all; and how many bytes are free now."""
    unwanted = [
        one
        for one in fetched_in(fetched_folder(store))
        if (everything or not one.is_newest) and chosen.takes(int(one.when * SECOND), {})
    ]
    sizes = {one: tree_size(one.folder) for one in unwanted}
    gone = remove_fetched(store, unwanted)
    return gone, sum(sizes[one] for one in gone)


def created_at(image: StoredImage) -> int:
    """In ns since 1970; images that whit packs have no time of their own: 0."""
    try:
        return int(datetime.fromisoformat(image.config.created or "").timestamp()) * SECOND
    except ValueError:
        return 0
