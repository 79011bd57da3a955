"""``--cache-from`` and ``--cache-to``: steps that were done elsewhere, in a registry or a folder (docs/build.md).

A cache is an OCI artifact: its configuration (``whit-cache/1``) tells of each step's keys which layer it has given, its
layers are those. Of one that is imported nothing is fetched but this, and the layers that are used.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.archives.archive import copy_image, name_in, output_layout
from whit.packer.buildfile.build.cache import Record, new_snapshot
from whit.packer.buildfile.build.placing import make_folders
from whit.packer.buildfile.remote.sources import Once
from whit.packer.image.oci import (
    INDEXES,
    LAYER_GZIP,
    MAX_DOCUMENT,
    REF_NAME,
    Descriptor,
    Layer,
    Manifest,
    check_digest,
    parse_config,
    parse_index,
    parse_manifest,
)
from whit.packer.image.reference import parse_reference
from whit.packer.registry.ends import LayoutSource, RepositoryTarget
from whit.packer.registry.fetching import fetch_into
from whit.packer.registry.origins import Mounts
from whit.packer.registry.pulling import origins, partial_folder
from whit.packer.registry.sessions import Sessions
from whit.packer.registry.transfer import transfer
from whit.packer.registry.tree import gather
from whit.packer.store.layout import Layout
from whit.packer.store.rootfs import layer_tar
from whit.packer.store.unpack import Unpacker
from whit.packer.support.errors import InvalidFileError, StoreError, UsageError, WhitError
from whit.packer.support.jsondoc import canonical_json, parse_object
from whit.packer.support.userns import few_users
from whit.packer.tar.member import Kind
from whit.packer.tar.read import TarReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from whit.packer.buildfile.build.cache import StepCache, Workplace
    from whit.packer.buildfile.build.chain import Chain
    from whit.packer.buildfile.build.progress import Progress
    from whit.packer.image.reference import Reference
    from whit.packer.registry.ends import Source
    from whit.packer.registry.registries import Registries
    from whit.packer.registry.repository import Document
    from whit.packer.registry.transfer import Watcher
    from whit.packer.tar.member import Member

ARTIFACT = "application/vnd.whit.buildcache.v1"
INLINE = "dev.whit.cache"
"""The annotation by which an image tells of its own steps."""

CONFIG = "application/vnd.whit.buildcache.config.v1+json"
_NAME = "whit-cache:latest"
"""In a folder's index."""

_HINT = "type=registry,ref=HOST/NAME:TAG, or type=local with src= or dest="
_WHITEOUT, _OPAQUE = b".wh.", b".wh..wh..opq"


class PlaceKind(StrEnum):
    """Where a cache is."""

    REGISTRY = "registry"
    LOCAL = "local"
    INLINE = "inline"


@dataclass(frozen=True, slots=True)
class Place:
    """A cache's place: a reference or a folder; ``is_full`` (mode=max): of all stages, not of the target alone.

    ``inline`` is the image itself.
    """

    kind: PlaceKind
    where: str
    is_full: bool = False

    @property
    def reference(self) -> Reference:
        """In a registry."""
        return parse_reference(self.where)


def parse_places(texts: Iterable[str], option: str, folder: str) -> tuple[Place, ...]:
    """``--cache-from`` (``folder`` is its word ``src``) and ``--cache-to`` (``dest``). Raises :class:`UsageError`."""
    found = []
    for text in texts:
        fields = dict(part.partition("=")[::2] for part in next(csv.reader([text]), []))
        if "=" not in text:
            fields = {"type": PlaceKind.REGISTRY, "ref": text}
        kind = fields.pop("type", "")
        where = fields.pop("ref" if kind == PlaceKind.REGISTRY else folder, "")
        mode = fields.pop("mode", "min")
        is_inline = kind == PlaceKind.INLINE and folder == "dest"
        if kind not in tuple(PlaceKind) or bool(where) is is_inline or fields or mode not in ("min", "max"):
            raise UsageError(f"{option} {text[:200]}", hint=_HINT)
        place = Place(PlaceKind(kind), where, mode == "max")
        if place.kind is PlaceKind.REGISTRY:
            place.reference  # noqa: B018 - it is looked at
        found.append(place)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Entry:
    """A step that was done elsewhere: what it has given, and where that is."""

    layer: Layer
    latest: int | None
    told: str
    source: Source


@dataclass(slots=True)
class Shared:
    """The caches of one build. ``exports``: each step's layer is made, so that all after it can be told of.

    ``is_inline``: the image is to tell of its steps itself.
    """

    cache: StepCache
    entries: dict[str, Entry] = field(default_factory=dict)
    exports: bool = False
    is_inline: bool = False
    _once: Once = field(default_factory=Once)

    @property
    def is_used(self) -> bool:
        """Whether there is anything to do with it."""
        return self.exports or bool(self.entries)

    def find(self, key: str, base: str) -> Record | None:
        """A step's record: of one that has been fetched before, or without a snapshot, which isn't there yet."""
        found = self.cache.find(key)
        if found and found.layer:
            return found
        entry = self.entries.get(key)
        return Record(key, "", base, entry.told, entry.latest, entry.layer) if entry else None

    def have(self, record: Record) -> None:
        """Have a record's layer in the store. Raises :class:`RegistryError`, :class:`StoreError`."""
        entry, layer = self.entries.get(record.key), record.layer
        if entry is None or layer is None:
            return
        with self.cache.store.adding() as layout:
            if not layout.has(layer.descriptor):
                fetch_into(layout, layer.descriptor, entry.source, partial_folder(self.cache.store), lambda _: None)

    def whole(self, record: Record) -> Record:
        """The record with its snapshot, unpacked now if it isn't there. Raises what fetching and unpacking raise."""
        return self._once.get(record.key, lambda: self._unpacked(record))

    def _unpacked(self, record: Record) -> Record:
        known = self.cache.find(record.key)
        if known and known.layer:
            return known
        layer = record.layer
        if layer is None:
            raise StoreError(f"step {record.key} has no layer")
        with self.cache.workplace() as where:
            # Fetched and unpacked under one lock: nothing leads to the layer yet, and whoever collects would take it.
            with self.cache.store.adding() as layout:
                self.have(record)
                _unpack(where, layer_tar(layout, layer.descriptor, layer.diff_id))
            made = Record(record.key, new_snapshot(), record.base, record.told, record.latest, layer)
            return self.cache.keep(made, where, replacing=False)


class _Layer(TarReader):
    """A layer's members but its whiteouts, which are told apart."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__(chunks)
        self.whiteouts: list[bytes] = []

    def members(self) -> Iterator[Member]:
        """Every other member."""
        for member in super().members():
            if member.name.rpartition(b"/")[2].startswith(_WHITEOUT) and member.kind is Kind.FILE:
                self.whiteouts.append(member.name)
            else:
                yield member


def _unpack(where: Workplace, chunks: Iterator[bytes]) -> None:
    """A layer → an upper folder of overlayfs's, in which what is gone is a device 0/0 (overlayfs.rst)."""
    layer = _Layer(chunks)
    with Unpacker(where.upper, is_layer=False) as unpacker:
        unpacker.layer(layer)
        root = os.open(where.upper, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in layer.whiteouts:
                _hide(root, name)
        finally:
            os.close(root)
        unpacker.finish()


def _hide(root: int, path: bytes) -> None:
    parent, _, name = path.rpartition(b"/")
    folder = make_folders(root, os.fsdecode(b"/" + parent), None)
    try:
        opened = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        if name == _OPAQUE:
            os.setxattr(opened, f"{'user' if few_users() else 'trusted'}.overlay.opaque", b"y")
        elif (hidden := name.removeprefix(_WHITEOUT)) and not hidden.startswith(_WHITEOUT) and hidden not in (b".", b".."):
            os.mknod(hidden, 0o020000, os.makedev(0, 0), dir_fd=opened)
    except FileExistsError:
        raise InvalidFileError("a layer of a cache both has a file and takes it away") from None
    finally:
        os.close(opened)


def parse_cache(data: bytes, manifest: Manifest, source: Source) -> dict[str, Entry]:
    """A cache's configuration, by keys. Raises :class:`InvalidFileError`."""
    there = {layer.digest: layer for layer in manifest.layers}
    found: dict[str, Entry] = {}
    for doc in parse_object(data, "cache", MAX_DOCUMENT).docs("entries"):
        digest = doc.text("layer")
        if digest not in there:
            raise InvalidFileError(f"cache: it has no layer {digest[:80]}")
        diff_id = check_digest(doc.text("diff_id"), "cache")
        layer = Layer(there[digest], diff_id, doc.count("tar_size"))
        entry = Entry(layer, doc.count_or_none("latest"), doc.free_text("told"), source)
        for key in doc.texts("keys"):
            found.setdefault(key, entry)
    return found


def imported(places: tuple[Place, ...], registries: Callable[[], Registries], progress: Progress) -> dict[str, Entry]:
    """What caches have. One that isn't there, or is something else, is told of, and the build goes on without it."""
    found: dict[str, Entry] = {}
    for place in places:
        telling = progress.begin(f"importing cache manifest from {place.where}")
        try:
            source = _source(place, registries)
            found = {**_entries(source.root(), source, place.where), **found}
        except WhitError as error:
            telling.failed(error.message)
        else:
            telling.done()
    return found


def inline_note(chain: Chain) -> tuple[tuple[str, str], ...]:
    """What an image says of its own steps: of each layer that isn't its base's the keys, and its tar's size."""
    told = [
        [list(keys), record.layer.tar_size if record.layer else 0]
        for record, keys in zip(chain.records, chain.keys, strict=True)
    ]
    return ((INLINE, canonical_json({"layers": told}).decode()),)


def _entries(root: Document, source: Source, where: str) -> dict[str, Entry]:
    """What a cache has, or an image says of its steps. Raises :class:`InvalidFileError`."""
    if root.descriptor.media_type in INDEXES:
        children = (source.document(child) for child in parse_index(root.data, where).manifests)
        return {key: entry for child in children for key, entry in _entries(child, source, where).items()}
    manifest = parse_manifest(root.data, where)
    note = dict(manifest.annotations).get(INLINE)
    if manifest.config.media_type != CONFIG and note is None:
        raise InvalidFileError(f"{where} is no build cache of whit's")
    data = b"".join(bytes(chunk) for chunk in source.blob(_bounded(manifest.config)))
    if f"sha256:{_digest(data)}" != manifest.config.digest or any(one.media_type != LAYER_GZIP for one in _own(manifest, note)):
        raise InvalidFileError(f"{where} isn't what its digests say, or no build cache of whit's")
    if note is None:
        return parse_cache(data, manifest, source)
    diff_ids, found = parse_config(data, where).diff_ids, dict[str, Entry]()
    own = _noted(note)
    if not len(own) <= len(manifest.layers) == len(diff_ids):
        raise InvalidFileError(f"{where}: it has other layers than it says")
    first = len(diff_ids) - len(own)
    for (keys, tar_size), blob, diff_id in zip(own, manifest.layers[first:], diff_ids[first:], strict=True):
        entry = Entry(Layer(blob, diff_id, tar_size), None, "", source)
        found |= dict.fromkeys(keys, entry)
    return found


def _own(manifest: Manifest, note: str | None) -> tuple[Descriptor, ...]:
    """The layers that are steps' own."""
    count = len(manifest.layers) if note is None else len(_noted(note))
    return manifest.layers[len(manifest.layers) - count :] if count else ()


def _noted(note: str) -> list[tuple[list[str], int]]:
    import json  # noqa: PLC0415 - for images that say so

    try:
        return [([str(key) for key in keys], int(size)) for keys, size in json.loads(note)["layers"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidFileError(f"an image's annotation {INLINE} can't be read") from None


def _digest(data: bytes) -> str:
    from hashlib import sha256  # noqa: PLC0415 - once a cache

    return sha256(data).hexdigest()


def _bounded(config: Descriptor) -> Descriptor:
    if config.size > MAX_DOCUMENT:
        raise InvalidFileError(f"cache: its configuration has {config.size} bytes")
    return config


def _source(place: Place, registries: Callable[[], Registries]) -> Source:
    if place.kind is PlaceKind.REGISTRY:
        return registries().source(place.reference)
    layout = Layout(Path(place.where), private=False)
    layout.check_version()
    named = [one for one in layout.index().manifests if one.annotation(REF_NAME) == _NAME]
    if not named:
        raise StoreError(f"{place.where} has no build cache")
    return LayoutSource(layout, named[-1])


def export(
    place: Place, chains: Iterable[Chain], shared: Shared, registries: Callable[[], Registries], watcher: Watcher
) -> Descriptor:
    """Write a cache of all steps of these stages whose keys are known. Raises :class:`RegistryError`, :class:`StoreError`."""
    entries: dict[str, dict[str, object]] = {}
    layers: dict[str, Descriptor] = {}
    for chain in chains:
        for record, keys in zip(chain.records, chain.keys, strict=True):
            if not keys or record.layer is None:
                continue
            shared.have(record)
            layers[record.layer.descriptor.digest] = record.layer.descriptor
            entries[keys[0]] = _entry(record, record.layer, keys)
    store = shared.cache.store
    with store.adding() as layout:
        document = {"schema": "whit-cache/1", "entries": [entries[key] for key in sorted(entries)]}
        config = layout.put(canonical_json(document), CONFIG)
        manifest = Manifest(config, tuple(layers[digest] for digest in sorted(layers)), artifact_type=ARTIFACT)
        descriptor = layout.put(manifest.to_json(), manifest.media_type)
        if place.kind is PlaceKind.LOCAL:
            with output_layout(Path(place.where).absolute()) as target:
                copy_image(layout, target, descriptor)
                name_in(target, descriptor, (parse_reference(_NAME),))
            return descriptor
        source = LayoutSource(layout, descriptor)
        tree = gather(source.root(), source.document)
        repository = registries().repository(place.reference)
        known = origins(store)
        mounts = Mounts(known, repository.registry.domain, repository.name)
        target_end = RepositoryTarget(repository, place.reference.tag, Sessions(store.cache_folder / "uploads"), mounts)
        transfer(tree, source, target_end, watcher)
        known.note(repository.registry.domain, repository.name, tree)
    return descriptor


def _entry(record: Record, layer: Layer, keys: tuple[str, ...]) -> dict[str, object]:
    found: dict[str, object] = {
        "keys": list(keys),
        "layer": layer.descriptor.digest,
        "diff_id": layer.diff_id,
        "tar_size": layer.tar_size,
        "told": record.told.encode("utf-8", "backslashreplace").decode(),
    }
    return found | ({"latest": record.latest} if record.latest is not None else {})
