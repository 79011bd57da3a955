"""Caches of other machines, read and written: what ``sharing`` says of them, in registries, folders and images."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.archives.archive import copy_image, name_in, output_layout
from whit.packer.buildfile.build.sharing import INLINE, Entry, PlaceKind
from whit.packer.image.oci import (
    INDEXES,
    LAYER_GZIP,
    MAX_DOCUMENT,
    REF_NAME,
    Layer,
    Manifest,
    check_digest,
    parse_config,
    parse_index,
    parse_manifest,
)
from whit.packer.image.reference import parse_reference
from whit.packer.registry.ends import LayoutSource, RepositoryTarget
from whit.packer.registry.origins import Mounts
from whit.packer.registry.pulling import origins
from whit.packer.registry.sessions import Sessions
from whit.packer.registry.transfer import transfer
from whit.packer.registry.tree import gather
from whit.packer.store.layout import Layout
from whit.packer.support.errors import InvalidFileError, StoreError, WhitError
from whit.packer.support.jsondoc import canonical_json, parse_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whit.packer.buildfile.build.cache import Record
    from whit.packer.buildfile.build.chain import Chain
    from whit.packer.buildfile.build.progress import Progress
    from whit.packer.buildfile.build.sharing import Place, Shared
    from whit.packer.image.oci import Descriptor
    from whit.packer.registry.ends import Source
    from whit.packer.registry.registries import Registries
    from whit.packer.registry.repository import Document
    from whit.packer.registry.transfer import Watcher

ARTIFACT = "application/vnd.whit.buildcache.v1"
CONFIG = "application/vnd.whit.buildcache.config.v1+json"
_NAME = "whit-cache:latest"
"""In a folder's index."""


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
            if progress.is_quiet:
                progress.write(f"whit: warning: --cache-from {place.where} isn't used: {error.message}\n")
        else:
            telling.done()
    return found


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
