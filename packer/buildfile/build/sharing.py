"""``--cache-from`` and ``--cache-to``: steps that were done elsewhere, in a registry or a folder (docs/build.md).

A cache is an OCI artifact: its configuration (``whit-cache/1``) tells of each step's keys which layer it has given, its
layers are those. Of one that is imported nothing is fetched but this, and the layers that are used: ``exchanging``.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.cache import Record, new_snapshot
from whit.packer.buildfile.remote.sources import Once
from whit.packer.image.oci import Layer
from whit.packer.image.reference import parse_reference
from whit.packer.store.rootfs import layer_tar
from whit.packer.support.errors import StoreError, UsageError
from whit.packer.support.jsondoc import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.buildfile.build.cache import StepCache
    from whit.packer.buildfile.build.chain import Chain
    from whit.packer.image.reference import Reference
    from whit.packer.registry.ends import Source

INLINE = "dev.whit.cache"
"""The annotation by which an image tells of its own steps."""

_HINT = "type=registry,ref=HOST/NAME:TAG, or type=local with src= or dest="


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
        from whit.packer.registry.fetching import fetch_into  # noqa: PLC0415 - only for what is elsewhere
        from whit.packer.registry.pulling import partial_folder  # noqa: PLC0415

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
        from whit.packer.buildfile.build.uppers import unpack_upper  # noqa: PLC0415 - only for what is elsewhere

        with self.cache.workplace() as where:
            # Fetched and unpacked under one lock: nothing leads to the layer yet, and whoever collects would take it.
            with self.cache.store.adding() as layout:
                self.have(record)
                unpack_upper(where, layer_tar(layout, layer.descriptor, layer.diff_id))
            made = Record(record.key, new_snapshot(), record.base, record.told, record.latest, layer)
            return self.cache.keep(made, where, replacing=False)


def inline_note(chain: Chain) -> tuple[tuple[str, str], ...]:
    """What an image says of its own steps: of each layer that isn't its base's the keys, and its tar's size."""
    told = [
        [list(keys), record.layer.tar_size if record.layer else 0]
        for record, keys in zip(chain.records, chain.keys, strict=True)
    ]
    return ((INLINE, canonical_json({"layers": told}).decode()),)
