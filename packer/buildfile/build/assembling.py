"""A built stage → an image in the store: its snapshots become layers, once, and stay so."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from whit.packer.image.layer import write_tar
from whit.packer.support.light import replace
from whit.packer.image.oci import CONFIG, Manifest
from whit.packer.support.userns import few_users
from whit.packer.tar.tree import TreeReader
from whit.packer.support.times import rfc3339

if TYPE_CHECKING:
    from whit.packer.buildfile.build.cache import Record, StepCache
    from whit.packer.buildfile.build.chain import Chain
    from whit.packer.store.layout import Layout
    from whit.packer.image.oci import Descriptor, ImageConfig, Layer

_AT_ONCE = 2
"""Layers that are compressed side by side."""


def assemble(
    cache: StepCache, chain: Chain, config: ImageConfig, annotations: tuple[tuple[str, str], ...], seconds: int
) -> Descriptor:
    """The image's manifest, which nothing leads to yet. Raises :class:`StoreError`."""
    base = chain.base
    with cache.store.adding() as layout:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            layers = tuple(pool.map(lambda record: layer_of(cache, layout, record), chain.records))
        created = rfc3339(seconds)
        old = len(base.config.history) if base else 0
        told = (replace(line, created=created) for line in config.history[old:])
        config = replace(
            config,
            created=created,
            history=(*config.history[:old], *told),
            diff_ids=(*(base.config.diff_ids if base else ()), *(layer.diff_id for layer in layers)),
        )
        lower = base.manifest.layers if base else ()
        described = layout.put(config.to_json(), CONFIG)
        manifest = Manifest(described, (*lower, *(layer.descriptor for layer in layers)), annotations)
        descriptor = layout.put(manifest.to_json(), manifest.media_type)
    return replace(descriptor, platform=config.platform)


def layer_of(cache: StepCache, layout: Layout, record: Record) -> Layer:
    """A step's layer, made now if it isn't there. To be called while the store is being added to."""
    if record.layer and layout.has(record.layer.descriptor):
        return record.layer
    descriptor = os.open(cache.files(record), os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        layer = write_tar(layout, TreeReader(latest=record.latest, is_layer=True, recorded=few_users()).tar(descriptor, b""))
    finally:
        os.close(descriptor)
    cache.with_layer(record, layer)
    return layer
