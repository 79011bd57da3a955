"""Toolchains that whit has fetched, as far as they are folders of the store: which there are, and how they go.

ROOT/toolchains/NAME-VERSION/    what toolchains/fetching.py has brought
ROOT/toolchains/lock             held exclusively by whoever brings or removes
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.cache import StepCache
from whit.packer.support import durable
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from whit.packer.store.store import Store

_NAME = re.compile(r"(?P<name>[a-z]+)-(?P<version>\d[^/]*)")


@dataclass(frozen=True, slots=True)
class Fetched:
    """``when`` it was fetched, in seconds since 1970; ``is_newest`` of those of its name."""

    name: str
    version: str
    folder: Path
    when: float
    is_newest: bool


def fetched_folder(store: Store) -> Path:
    """Where they are."""
    return store.root / "toolchains"


def fetched_in(folder: Path) -> tuple[Fetched, ...]:
    """All that are there, by name, the newest version first."""
    found = []
    names = folder.iterdir() if folder.is_dir() else ()
    for path in names:
        match = _NAME.fullmatch(path.name)
        if match and path.is_dir():
            found.append((match["name"], match["version"], path))
    found.sort(key=lambda one: (one[0], [-number for number in _numbers(one[1])]))
    newest = {name: path for name, _, path in reversed(found)}
    return tuple(
        Fetched(name, version, path, path.lstat().st_mtime, newest[name] == path) for name, version, path in found
    )


def _numbers(version: str) -> Iterable[int]:
    return (int(part) for part in re.findall(r"\d+", version))


def remove_fetched(store: Store, unwanted: Iterable[Fetched]) -> tuple[Fetched, ...]:
    """Remove them, and tell which have gone: none while anybody builds, who may be using them. Raises :class:`StoreError`."""
    gone, folder, lock = [], fetched_folder(store), StepCache(store).lock_path
    wanted = tuple(unwanted)
    if not wanted:
        return ()
    with durable.store_errors(f"remove toolchains from {folder}"):
        durable.private_folder(lock.parent)
        with durable.locked(lock, exclusive=True, wait=False) as got:
            if not got:
                return ()
            with durable.locked(folder / "lock", exclusive=True):
                for one in wanted:
                    # Renamed first, so that half of it is never taken for all.
                    place = durable.temporary_beside(one.folder)
                    one.folder.rename(place)
                    durable.remove_tree(place)
                    gone.append(one)
    return tuple(gone)
