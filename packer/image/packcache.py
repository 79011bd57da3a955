"""What was packed before: if the same files, rules and options would be packed again, the manifest is known.

A record is trusted only while every file that went in still has the device, inode, size and times that it had, and
all blobs are there. A damaged record is no record.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.image.oci import Descriptor, Layer, Manifest, check_digest, parse_manifest
from whit.packer.image.platform import Platform
from whit.packer.image.spec import HostFile, ImageSpec, PackOptions
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, StoreError
from whit.packer.support.imagepath import shown
from whit.packer.support.jsondoc import canonical_json, parse_object

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.resolution.choices import Choices
    from whit.packer.store.store import Store

_LIMIT = 16 << 20
_SETTLED_NS = 50_000_000
"""A file changed less than so long ago isn't remembered: a second change could leave its times as they are."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One file, folder or link of a packed image, for people and JSON: sizes in bytes."""

    path: str
    kind: str
    mode: int
    size: int
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a packed image. Sizes in bytes: ``unpacked`` of the layers' tars, ``size`` of all blobs.

    ``watched`` are the libraries and the places where they were sought, each with its state; None where these may
    change without a trace, or weren't remembered. ``warnings`` are for people: what will keep the program from starting.
    """

    manifest: Descriptor
    platform: Platform
    files: tuple[ImageFile, ...]
    unpacked: int
    size: int
    watched: tuple[tuple[str, tuple[str, ...]], ...] | None = ()
    warnings: tuple[str, ...] = ()

    @property
    def descriptor(self) -> Descriptor:
        """The manifest's descriptor as an index holds it, with its platform."""
        return replace(self.manifest, platform=self.platform)


def cache_key(path: str, options: PackOptions, choices: Choices, more: tuple[str, ...] = ()) -> str:
    """What a record is found by: the executable's absolute path, all options, ``more`` texts, and whit's own code."""
    code = code_key()
    places = [
        os.fsencode(place).hex()
        for place in (path, choices.sysroot or "", *(added.source for added in choices.additions), *more)
    ]
    choices = replace(choices, sysroot=None, additions=tuple(replace(each, source="") for each in choices.additions))
    return sha256(
        canonical_json({"places": places, "options": asdict(options), "choices": asdict(choices), "code": code})
    ).hexdigest()


def code_key() -> list[tuple[str, int, int]]:
    """What changes whenever one of whit's own rules for images may have: any file of the packer's."""
    return sorted(code_state(Path(__file__).parents[1]))


def code_state(folder: Path) -> Iterable[tuple[str, int, int]]:
    """Every module of a folder, by name, size and time: whit upgraded or edited is another whit."""
    with os.scandir(folder) as there:
        for entry in there:
            if entry.is_dir() and entry.name != "__pycache__":
                yield from code_state(Path(entry.path))
            elif entry.name.endswith((".py", ".json")):
                state = entry.stat()
                yield entry.path, state.st_size, state.st_mtime_ns


def recall(store: Store, key: str) -> Record | None:
    """The record of a key, if all that it was made from and all that it leads to is still there unchanged."""
    try:
        doc = parse_object(_path(store, key).read_bytes(), "pack cache", _LIMIT)
        guards = [(guard.text("path"), guard.texts("state")) for guard in doc.docs("guards")]
        record = Record(
            manifest=Descriptor(
                doc.text("media_type"), check_digest(doc.text("digest"), "pack cache"), doc.count("size")
            ),
            platform=Platform(doc.text("os"), doc.text("architecture"), doc.text_or_none("variant")),
            files=tuple(
                ImageFile(
                    file.free_text("path"),
                    file.text("kind"),
                    file.count("mode"),
                    file.count("size"),
                    file.free_text("reason"),
                )
                for file in doc.docs("files")
            ),
            unpacked=doc.count("unpacked"),
            size=doc.count("stored"),
            watched=tuple((os.fsdecode(bytes.fromhex(path)), state) for path, state in guards)
            if doc.flag("dynamic")
            else (),
            warnings=doc.texts("warnings"),
        )
        if all(file_state(bytes.fromhex(path)) == state for path, state in guards):
            manifest = parse_manifest(store.layout.read(record.manifest))
            return record if all(map(store.layout.has, manifest.blobs)) else None
    except (OSError, ValueError, InvalidFileError, StoreError):
        pass
    return None


def remember(
    store: Store,
    key: str,
    spec: ImageSpec,
    record: Record,
    folders: Iterable[str] = (),
    watched: tuple[str, ...] = (),
    *,
    since: int,
) -> Record:
    """Keep a record, unless one of the files has changed or may change without a trace. Failing to is no failure.

    ``folders`` are those whose list of names went into the image, ``watched`` what decided which libraries did. None
    of them may have changed ``since`` the packing began, in nanoseconds since the epoch: it may have been read before.
    The record comes back with all that a plan from it depends on.
    """
    used = [entry.content for layer in spec.layers for entry in layer.entries if isinstance(entry.content, HostFile)]
    guards = {os.fsencode(file.path): file_state(os.fsencode(file.path)) for file in used}
    if any(not is_settled(guards[os.fsencode(file.path)], file) for file in used):
        return replace(record, watched=None if watched else ())
    for folder in {*map(os.path.dirname, guards), *map(os.fsencode, (*folders, *watched))}:
        guards[folder] = file_state(folder)
        if guards[folder] and int(guards[folder][4]) > since - _SETTLED_NS:
            return replace(record, watched=None if watched else ())
    document = {
        "guards": [{"path": path.hex(), "state": list(state)} for path, state in sorted(guards.items())],
        "media_type": record.manifest.media_type,
        "digest": record.manifest.digest,
        "size": record.manifest.size,
        "os": record.platform.os,
        "architecture": record.platform.architecture,
        "variant": record.platform.variant,
        "files": [_file_document(file) for file in record.files],
        "unpacked": record.unpacked,
        "stored": record.size,
        "dynamic": bool(watched),
        "warnings": list(record.warnings),
    }
    with contextlib.suppress(OSError):
        durable.private_folder(_path(store, key).parent)
        durable.write_record(_path(store, key), canonical_json(document))
    return replace(
        record, watched=tuple((os.fsdecode(path), state) for path, state in guards.items()) if watched else ()
    )


def _file_document(file: ImageFile) -> dict[str, object]:
    return {"path": file.path, "kind": file.kind, "mode": file.mode, "size": file.size, "reason": file.reason}


def image_files(spec: ImageSpec) -> tuple[ImageFile, ...]:
    """A specification's entries, as they are reported."""
    entries = (entry for layer in spec.layers for entry in layer.entries)
    return tuple(ImageFile(entry.path, entry.kind, entry.mode, entry.size, shown(entry.reason)) for entry in entries)


def record_of(spec: ImageSpec, descriptor: Descriptor, manifest: Manifest, layers: tuple[Layer, ...]) -> Record:
    """What is reported of an image that has just been written. Pure."""
    return Record(
        manifest=descriptor,
        platform=spec.platform,
        files=image_files(spec),
        unpacked=sum(layer.tar_size for layer in layers),
        size=descriptor.size + sum(blob.size for blob in manifest.blobs),
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
