"""The step cache: which step, done on which files, has changed what. docs/build.md says what is on disk.

    ROOT/cache/build/KEY        a record: the snapshot that a step has given, and its layer once an image has needed it
    ROOT/build/snapshots/ID/    the files that the step has changed, as overlayfs's upper folder has them
    ROOT/build/caches/          what RUN --mount=type=cache keeps
    ROOT/build/downloads/, git/ what ADD and contexts have fetched (buildfile/remote/)
    ROOT/build/lock             held shared by builds, exclusively by whoever removes snapshots

A record is written when its snapshot is there, whole; a snapshot without a record is nobody's. What a step's key begins
with is the ID of the snapshot below, so that a snapshot is only ever stacked on the very one that it was made on.

What steps write is flushed to the disk once a build, not once a step: until then a snapshot counts for as long as the
machine isn't started again.
"""

from __future__ import annotations

import contextlib
import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.support.light import dataclass, replace
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import canonical_json, parse_object
from whit.packer.image.oci import LAYER_GZIP, Descriptor, Layer, check_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from whit.packer.store.store import Store

VERSION = 1
"""Raised when the same step would give other files, so that what is there isn't taken for it."""

FILES, WORK, FLUSHED = "files", "work", "flushed"
CACHE_KEPT = 30 * 24 * 3600
"""Seconds that what RUN --mount=type=cache keeps, and what was fetched, outlives its last use."""

_KEPT = ("caches", "downloads", "git")

_MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """What a step has given. ``base`` is the digest of the base image's manifest, empty for scratch.

    No time in its layer is later than ``latest``, in seconds since 1970. ``boot`` says since which start of the machine
    it is there.
    """

    key: str
    snapshot: str
    base: str
    told: str
    latest: int | None = None
    layer: Layer | None = None
    boot: str = ""

    def to_json(self) -> bytes:
        """As it is on disk."""
        document: dict[str, object] = {
            "schema": "whit-step/1",
            "snapshot": self.snapshot,
            "base": self.base,
            "boot": self.boot,
            "told": self.told.encode("utf-8", "backslashreplace").decode(),
        }
        if self.latest is not None:
            document["latest"] = self.latest
        if self.layer:
            document["layer"] = {
                "digest": self.layer.descriptor.digest,
                "size": self.layer.descriptor.size,
                "diff_id": self.layer.diff_id,
                "tar_size": self.layer.tar_size,
            }
        return canonical_json(document)


def boot() -> str:
    """Which start of the machine this is."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def new_snapshot() -> str:
    """A name that no other snapshot has."""
    return os.urandom(16).hex()


def step_key(*parts: object) -> str:
    """A step's key: of all that its files depend on, as JSON has it."""
    import json  # noqa: PLC0415 - canonical JSON refuses names that aren't Unicode, which are as good as others here

    return sha256(json.dumps([VERSION, *parts], sort_keys=True).encode()).hexdigest()


def parse_record(key: str, data: bytes) -> Record:
    """A record's file. Raises :class:`InvalidFileError`."""
    doc = parse_object(data, f"step {key}", _MOST)
    snapshot, base = doc.text("snapshot"), doc.text_or_none("base") or ""
    if not (snapshot.isascii() and snapshot.isalnum()):
        raise InvalidFileError(f"step {key}: not a snapshot's name: {snapshot[:80]!r}")
    layer, made = doc.doc_or_none("layer"), None
    if layer:
        digest, diff_id = (check_digest(layer.text(name), f"step {key}") for name in ("digest", "diff_id"))
        made = Layer(Descriptor(LAYER_GZIP, digest, layer.count("size")), diff_id, layer.count("tar_size"))
    checked = check_digest(base, f"step {key}") if base else ""
    return Record(
        key, snapshot, checked, doc.free_text("told"), doc.count_or_none("latest"), made, doc.free_text("boot")
    )


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where a step's files are made: an upper folder and what else it takes."""

    folder: Path

    @property
    def upper(self) -> Path:
        """What changes."""
        return self.folder / FILES

    @property
    def work(self) -> Path:
        """For the kernel."""
        return self.folder / WORK


@dataclass(frozen=True, slots=True)
class StepCache:
    """The cache of a store."""

    store: Store

    @property
    def records(self) -> Path:
        """The folder of records."""
        return self.store.cache_folder / "build"

    @property
    def folder(self) -> Path:
        """What is large."""
        return self.store.root / "build"

    @property
    def snapshots(self) -> Path:
        """The folder of snapshots."""
        return self.folder / "snapshots"

    @property
    def _kept(self) -> tuple[Path, ...]:
        """Folders of what is kept for as long as it is used."""
        return tuple(self.folder / name for name in _KEPT)

    @property
    def lock_path(self) -> Path:
        """Held shared by builds."""
        return self.folder / "lock"

    def files(self, record: Record) -> Path:
        """A snapshot's files."""
        return self.snapshots / record.snapshot / FILES

    @contextlib.contextmanager
    def using(self) -> Iterator[None]:
        """The right to use snapshots: until the block ends none is removed."""
        with durable.store_errors(f"write to the store {self.store.root}"):
            with self.store.adding():
                for folder in (self.records, self.folder, self.snapshots, *self._kept):
                    durable.private_folder(folder)
            with durable.locked(self.lock_path, exclusive=False):
                try:
                    yield
                finally:
                    self._flush()

    def _flush(self) -> None:
        """Make this build's snapshots last."""
        fresh = [record for record in self.every() if record.boot == boot() and not self._flushed(record).exists()]
        if fresh:
            durable.sync_file_system(self.snapshots)
        for record in fresh:
            with contextlib.suppress(FileNotFoundError):
                self._flushed(record).touch()

    def _flushed(self, record: Record) -> Path:
        return self.snapshots / record.snapshot / FLUSHED

    def _is_whole(self, record: Record) -> bool:
        return self.files(record).is_dir() and (record.boot == boot() or self._flushed(record).exists())

    def find(self, key: str) -> Record | None:
        """The record of a step that has been done, if its snapshot is there. It counts as used now."""
        path = self.records / key
        try:
            record = parse_record(key, path.read_bytes())
            os.utime(path)
        except (FileNotFoundError, InvalidFileError):
            return None
        return record if self._is_whole(record) else None

    def every(self) -> Iterator[Record]:
        """All records that can be read."""
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(self.records.iterdir()):
                with contextlib.suppress(FileNotFoundError, InvalidFileError):
                    if not path.name.startswith(durable.TEMPORARY):
                        yield parse_record(path.name, path.read_bytes())

    @contextlib.contextmanager
    def workplace(self) -> Iterator[Workplace]:
        """A place to work in, gone when the block ends unless :meth:`keep` has taken it."""
        place = Workplace(durable.temporary_beside(self.snapshots / "any"))
        place.folder.mkdir(mode=0o700)
        try:
            for folder in (place.upper, place.work):
                folder.mkdir()
                folder.chmod(0o755)
            yield place
        finally:
            durable.remove_tree(place.folder)

    def keep(self, record: Record, place: Workplace, *, replacing: bool) -> Record:
        """Keep what a step has made. Another build may have been first: then, unless ``replacing``, its own is taken."""
        durable.remove_tree(place.work)
        record = replace(record, boot=boot())
        with self.store.adding(), durable.locked(self.folder / "keeping", exclusive=True):
            first = None if replacing else self.find(record.key)
            if first:
                return first
            place.folder.rename(self.snapshots / record.snapshot)
            self._write(record)
        return record

    def _write(self, record: Record) -> None:
        """Not flushed: a record that is damaged is none."""
        made = durable.temporary_beside(self.records / record.key)
        made.write_bytes(record.to_json())
        made.replace(self.records / record.key)

    def with_layer(self, record: Record, layer: Layer) -> Record:
        """Remember a snapshot's layer; to be called while the store is being added to."""
        made = replace(record, layer=layer)
        with durable.locked(self.folder / "keeping", exclusive=True):
            now = self.find(record.key)
            if now and now.snapshot == record.snapshot:
                self._write(made)
        return made

    def sweep(self) -> None:
        """Remove snapshots that no record leads to, and records whose snapshot is gone; nothing while anybody builds.

        To be called while nobody adds to the store.
        """
        if not self.snapshots.is_dir():
            return
        with durable.locked(self.lock_path, exclusive=True, wait=False) as got:
            if not got:
                return
            for folder in (self.snapshots, *self._kept):
                durable.sweep_temporaries(folder)
            kept = {record.snapshot for record in self.every()}
            for path in self.snapshots.iterdir():
                if path.name not in kept:
                    self._remove(path)
            there = {path.name for path in self.snapshots.iterdir()}
            for record in tuple(self.every()):
                if record.snapshot not in there or not self._is_whole(record):
                    (self.records / record.key).unlink(missing_ok=True)
            for path in (path for folder in self._kept if folder.is_dir() for path in folder.iterdir()):
                if durable.older_than(path, CACHE_KEPT):
                    self._remove(path)

    def _remove(self, path: Path) -> None:
        """Renamed first, so that half of it is never taken for all."""
        if not path.is_dir():
            path.unlink()
            return
        gone = durable.temporary_beside(path)
        path.rename(gone)
        durable.remove_tree(gone)

    def forget(self, before: float | None = None) -> None:
        """Forget all steps, or those last used before a time, in seconds since 1970, and the caches of RUN likewise."""
        for folder in (self.records, *self._kept):
            with contextlib.suppress(FileNotFoundError):
                for path in folder.iterdir():
                    if before is not None and path.lstat().st_mtime >= before:
                        continue
                    if folder == self.records:
                        path.unlink(missing_ok=True)
                    elif not path.name.endswith(".lock"):
                        _mark(path)


def _mark(path: Path) -> None:
    """Let it be removed when nobody builds."""
    try:
        os.utime(path, (0, 0))
    except PermissionError:  # a subordinate user's cache: whoever has it mounted keeps it
        path.rename(durable.temporary_beside(path))
