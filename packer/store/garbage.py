"""What the store holds and nothing names any more: found, and removed when nobody is adding.

And its opposite: ``verify`` reads everything through and says what is wrong.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.cache import StepCache
from whit.packer.image.oci import INDEXES, MANIFEST, Descriptor, parse_index, parse_manifest
from whit.packer.store.users import users
from whit.packer.supply.attaching import all_attached, attached, forget_gone
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.store.store import Store

LOCK_KEPT = 24 * 3600
"""Seconds that a lock file outlives the unpacked image it belongs to: nobody can still be about to take it then."""

CACHE_KEPT = 30 * 24 * 3600
"""Seconds that an answer in the cache is kept after it was worked out."""


def collect(store: Store, *, wait: bool = False) -> bool:
    """Remove blobs, unpacked images and temporary files that nothing refers to.

    Without ``wait``, does nothing while another process is adding: the next collection will see to it. Nothing is
    removed that a container needs, running or not. Returns whether the store was collected. Raises :class:`StoreError`.
    """
    if not store.layout.blob_folder.is_dir():
        return False
    with (
        durable.store_errors(f"clean up the store {store.root}"),
        durable.locked(store.lock_path, exclusive=True, wait=wait) as got,
    ):
        if not got:
            return False
        layout = store.layout
        caches = tuple(path for path in store.cache_folder.iterdir() if path.is_dir())
        for folder in (layout.folder, layout.blob_folder, store.rootfs_folder, *caches):
            durable.sweep_temporaries(folder)
        for path in (path for cache in caches for path in cache.iterdir()):
            if durable.older_than(path, CACHE_KEPT):
                path.unlink()
        steps = StepCache(store)
        steps.sweep()
        reachable = _reachable(store, steps)
        if reachable is not None:
            for path in layout.blob_folder.iterdir():
                if path.name not in reachable:
                    path.unlink()
            forget_gone(store, reachable)
            _remove_unpacked(store, reachable)
    return True


def _reachable(store: Store, steps: StepCache) -> set[str] | None:
    """The hex digests of all that the index, the containers and the steps of builds lead to.

    None if a damaged document hides where they lead, or there is no index: every store that has had an image has one.
    """
    if not store.index_path.exists():
        return None
    found: set[str] = set()
    pending = list(store.layout.index().manifests)
    try:
        pending += filter(None, (manifest_of(store, user.digest) for user in users(store.root)))
    except InvalidFileError:
        return None
    for record in steps.every():
        base = manifest_of(store, record.base) if record.base else None
        pending += [base] if base else []
        found |= {record.layer.descriptor.hex} if record.layer else set()
    while pending:
        descriptor = pending.pop()
        if descriptor.hex in found:
            continue
        found.add(descriptor.hex)
        try:
            pending.extend(attached(store, descriptor.digest))
            data = store.layout.read(descriptor)
            if descriptor.media_type in INDEXES:
                pending.extend(parse_index(data).manifests)
            else:
                found.update(blob.hex for blob in parse_manifest(data).blobs)
        except (StoreError, InvalidFileError):
            return None
    return found


def manifest_of(store: Store, digest: str) -> Descriptor | None:
    """The manifest of an image that may have lost its names; None if it is gone."""
    try:
        return Descriptor(MANIFEST, digest, store.layout.blob_path(digest).stat().st_size)
    except FileNotFoundError:
        return None


def _remove_unpacked(store: Store, reachable: set[str]) -> None:
    for path in sorted(store.rootfs_folder.iterdir()):
        key = path.name.removesuffix(".lock")
        if key.partition(".")[0] in reachable:
            continue
        if path.name.endswith(".lock"):
            with contextlib.suppress(FileNotFoundError):
                if not path.with_name(key).exists() and durable.older_than(path, LOCK_KEPT):
                    path.unlink()
        elif path.is_dir():
            _remove_unused(path)


def _remove_unused(rootfs: Path) -> None:
    """Remove an unpacked image unless a container holds its lock. Renamed first, so that nobody finds half of it."""
    with durable.locked(rootfs.with_name(f"{rootfs.name}.lock"), exclusive=True, wait=False) as got:
        if got:
            gone = durable.temporary_beside(rootfs)
            rootfs.rename(gone)
            durable.remove_tree(gone)


def verify(store: Store) -> tuple[str, ...]:
    """Everything that is wrong with the store, one line each: unreadable index, missing or damaged blobs."""
    try:
        entries = store.entries()
    except StoreError as error:
        return (error.message,)
    problems: list[str] = []
    seen: set[str] = set()
    for reference, descriptor in entries:
        name = reference.familiar if reference else descriptor.digest
        try:
            blobs = [*store.image(descriptor).manifest.blobs]
            for _, artifact in all_attached(store, descriptor.digest):
                blobs += [artifact, *parse_manifest(store.layout.read(artifact)).blobs]
        except (StoreError, InvalidFileError) as error:
            problems.append(f"{name}: {error.message}")
            continue
        for blob in blobs:
            if blob.digest in seen:
                continue
            seen.add(blob.digest)
            try:
                store.layout.check(blob)
            except StoreError as error:
                problems.append(f"{name}: {error.message}")
    return tuple(problems)
