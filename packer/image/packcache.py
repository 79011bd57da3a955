"""What was packed before: if the same files, rules and options would be packed again, the manifest is known.

A record is trusted only while every file that went in still has the device, inode, size and times that it had, and
all blobs are there. A damaged record is no record.
"""

from __future__ import annotations

import contextlib
import os
import time
from hashlib import sha256

from whit.packer.image.callsclaim import ADDED, CALLS
from whit.packer.image.oci import Descriptor, Layer, Manifest, check_digest, parse_manifest
from whit.packer.image.platform import Platform
from whit.packer.image.spec import HostFile, ImageSpec, PackOptions
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, StoreError
from whit.packer.support.imagepath import shown
from whit.packer.support.jsondoc import Doc, canonical_json, parse_object
from whit.packer.support.light import TYPE_CHECKING, NamedTuple, cache, dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from whit.packer.resolution.choices import Choices
    from whit.packer.store.store import Store

_LIMIT = 16 << 20
_SETTLED_NS = 50_000_000
"""A file changed less than so long ago isn't remembered: a second change could leave its times as they are."""


class ImageFile(NamedTuple):
    """One file, folder or link of a packed image, for people and JSON: sizes in bytes."""

    path: str
    kind: str
    mode: int
    size: int
    reason: str

    def document(self) -> dict[str, object]:
        """As a JSON object."""
        return {
            "path": self.path,
            "kind": self.kind,
            "mode": f"{self.mode:04o}",
            "size": self.size,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a packed image. Sizes in bytes: ``unpacked`` of the layers' tars, ``size`` of all blobs.

    ``watched`` are the libraries and the places where they were sought, each with its state; None where these may
    change without a trace, or weren't remembered. ``warnings`` are for people: what will keep the program from starting.
    ``calls`` is how many system calls the image tells of, for a filter, None where it tells of none; ``added_calls`` how many
    of them weren't found in its code.
    """

    manifest: Descriptor
    platform: Platform
    files: tuple[ImageFile, ...]
    unpacked: int
    size: int
    watched: tuple[tuple[str, tuple[str, ...]], ...] | None = ()
    warnings: tuple[str, ...] = ()
    calls: int | None = None
    added_calls: int = 0

    @property
    def descriptor(self) -> Descriptor:
        """The manifest's descriptor as an index holds it, with its platform."""
        return replace(self.manifest, platform=self.platform)


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it was kept: ``guards`` are the states of all that it was made from; ``added`` is amending.py's."""

    record: Record
    guards: Mapping[bytes, tuple[str, ...]]
    added: Doc | None = None

    @property
    def changed(self) -> frozenset[bytes]:
        """The paths whose state is another now."""
        return frozenset(path for path, state in self.guards.items() if file_state(path) != state)


def cache_key(path: str, options: PackOptions, choices: Choices, more: tuple[str, ...] = ()) -> str:
    """What a record is found by: the executable's absolute path, all options, ``more`` texts, and whit's own code."""
    places = [
        os.fsencode(place).hex()
        for place in (path, choices.sysroot or "", *(added.source for added in choices.additions), *more)
    ]
    choices = replace(choices, sysroot=None, additions=tuple(replace(each, source="") for each in choices.additions))
    document = {"places": places, "options": _plain(options), "choices": _plain(choices), "code": code_key()}
    return sha256(canonical_json(document)).hexdigest()


def _plain(value: object) -> object:
    """Records as lists of their values, and so on within."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    names = getattr(value, "__match_args__", None)
    return value if names is None else [_plain(getattr(value, name)) for name in names]


@cache
def _code_key(folder: str) -> list[tuple[str, int, int]]:
    return sorted(code_state(folder))


def code_key() -> list[tuple[str, int, int]]:
    """What changes whenever one of whit's own rules for images may have: any file of the packer's."""
    return _code_key(os.path.dirname(os.path.dirname(__file__)))  # noqa: PTH120 - one of the quickest commands


def code_state(folder: str | os.PathLike[str]) -> Iterable[tuple[str, int, int]]:
    """Every module of a folder, by name, size and time: whit upgraded or edited is another whit."""
    with os.scandir(folder) as there:
        for entry in there:
            if entry.name.endswith((".py", ".json")):
                state = entry.stat()
                yield entry.path, state.st_size, state.st_mtime_ns
            elif entry.name != "__pycache__" and entry.is_dir():
                yield from code_state(entry.path)


def recall(store: Store, key: str) -> Record | None:
    """The record of a key, if all that it was made from and all that it leads to is still there unchanged."""
    kept = read(store, key)
    return kept.record if kept and not kept.changed and is_whole(store, kept.record) else None


def read(store: Store, key: str) -> Kept | None:
    """What was kept under a key, whatever has changed since; a damaged record is none."""
    try:
        doc = parse_object(_path(store, key).read_bytes(), "pack cache", _LIMIT)
        guards = {bytes.fromhex(path): tuple(state.split()) for path, state in doc.rows("guards", str, str)}
        digest = check_digest(doc.text("digest"), "pack cache")
        record = Record(
            manifest=Descriptor(doc.text("media_type"), digest, doc.count("size")),
            platform=Platform(doc.text("os"), doc.text("architecture"), doc.text_or_none("variant")),
            files=tuple(ImageFile(*row) for row in doc.rows("files", str, str, int, int, str)),
            unpacked=doc.count("unpacked"),
            size=doc.count("stored"),
            watched=tuple((os.fsdecode(path), state) for path, state in guards.items()) if doc.flag("dynamic") else (),
            warnings=doc.texts("warnings"),
            calls=doc.count_or_none("calls"),
            added_calls=doc.count_or_none("added_calls") or 0,
        )
        kept = Kept(record, guards, doc.doc_or_none("added"))
    except (OSError, ValueError, InvalidFileError):
        return None
    return kept


def is_whole(store: Store, record: Record) -> bool:
    """Whether all that a record leads to is in the store."""
    try:
        manifest = parse_manifest(store.layout.read(record.manifest))
    except (OSError, InvalidFileError, StoreError):
        return False
    return all(map(store.layout.has, manifest.blobs))


def remember(  # noqa: PLR0913 - all that one image depends on
    store: Store,
    key: str,
    spec: ImageSpec,
    record: Record,
    folders: Iterable[str] = (),
    watched: tuple[str, ...] = (),
    added: Mapping[str, object] | None = None,
    *,
    since: int,
) -> Record:
    """Keep a record, unless one of the files has changed or may change without a trace. Failing to is no failure.

    ``folders`` are those whose list of names went into the image, ``watched`` what decided which libraries did. None
    of them may have changed ``since`` the packing began, in nanoseconds since the epoch: it may have been read before.
    The record comes back with all that a plan from it depends on. ``added`` is amending.py's.
    """
    used = [entry.content for layer in spec.layers for entry in layer.entries if isinstance(entry.content, HostFile)]
    guards = states(used, (*folders, *watched), since)
    if guards is None:
        return replace(record, watched=None if watched else ())
    keep(store, key, record, guards, added, is_dynamic=bool(watched))
    return replace(
        record, watched=tuple((os.fsdecode(path), state) for path, state in guards.items()) if watched else ()
    )


def states(used: Iterable[HostFile], folders: Iterable[str], since: int) -> dict[bytes, tuple[str, ...]] | None:
    """The states of files, of their folders and of further ones; None if one has changed ``since`` or may without a trace."""
    guards: dict[bytes, tuple[str, ...]] = {}
    for file in used:
        path = os.fsencode(file.path)
        guards[path] = file_state(path)
        if not is_settled(guards[path], file):
            return None
    for folder in {*map(os.path.dirname, guards), *map(os.fsencode, folders)}:
        guards[folder] = file_state(folder)
        if guards[folder] and int(guards[folder][4]) > since - _SETTLED_NS:
            return None
    return guards


def keep(
    store: Store,
    key: str,
    record: Record,
    guards: Mapping[bytes, tuple[str, ...]],
    added: Mapping[str, object] | None,
    *,
    is_dynamic: bool = False,
) -> None:
    """Write a record down; not to be able to is no failure."""
    document = {
        "guards": [(path.hex(), " ".join(state)) for path, state in sorted(guards.items())],
        "media_type": record.manifest.media_type,
        "digest": record.manifest.digest,
        "size": record.manifest.size,
        "os": record.platform.os,
        "architecture": record.platform.architecture,
        "variant": record.platform.variant,
        "files": record.files,
        "unpacked": record.unpacked,
        "stored": record.size,
        "dynamic": is_dynamic,
        "warnings": list(record.warnings),
        "calls": record.calls,
        "added_calls": record.added_calls,
        "added": added,
    }
    with contextlib.suppress(OSError):
        durable.private_folder(_path(store, key).parent)
        durable.write_record(_path(store, key), canonical_json(document))


def image_files(spec: ImageSpec) -> tuple[ImageFile, ...]:
    """A specification's entries, as they are reported."""
    entries = (entry for layer in spec.layers for entry in layer.entries)
    return tuple(ImageFile(entry.path, entry.kind, entry.mode, entry.size, shown(entry.reason)) for entry in entries)


def record_of(spec: ImageSpec, descriptor: Descriptor, manifest: Manifest, layers: tuple[Layer, ...]) -> Record:
    """What is reported of an image that has just been written. Pure."""
    told = dict(spec.annotations)
    calls = told.get(CALLS)
    return Record(
        manifest=descriptor,
        platform=spec.platform,
        files=image_files(spec),
        unpacked=sum(layer.tar_size for layer in layers),
        size=descriptor.size + sum(blob.size for blob in manifest.blobs),
        calls=None if calls is None else len(calls.split()),
        added_calls=len(told.get(ADDED, "").split()),
    )


def _path(store: Store, key: str) -> Path:
    return store.cache_folder / "pack" / f"{key}.json"


def file_state(path: bytes) -> tuple[str, ...]:
    """Device, inode, size and times of a file as decimal numbers; of a folder all but its size. Empty if it's gone."""
    try:
        state = os.stat(path)  # noqa: PTH116 - bytes
    except OSError:
        return ()
    numbers = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return tuple(map(str, numbers))


def is_settled(state: tuple[str, ...], file: HostFile) -> bool:
    """Whether a file is in the state that was decided on, and has been long enough for a change to show."""
    same = state[:4] == tuple(map(str, file.identity))
    return same and time.time_ns() - int(state[4]) > _SETTLED_NS
