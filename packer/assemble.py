"""Layers + configuration → manifest: the last documents of an image, written into a layout."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from whit.packer.layer import write_layer
from whit.packer.oci import CONFIG, History, ImageConfig, Layer, Manifest

if TYPE_CHECKING:
    from whit.packer.early import EarlyLayer
    from whit.packer.imagespec import ImageSpec, LayerSpec
    from whit.packer.layout import Layout


def write_image(layout: Layout, spec: ImageSpec, early: EarlyLayer | None = None) -> tuple[Manifest, tuple[Layer, ...]]:
    """Write an image's layers and configuration into a layout; its manifest is the caller's to add and name.

    ``early`` is a layer that was begun before the specification was known. Raises :class:`InvalidFileError` when a
    host file has changed since it was decided on.
    """

    def written(layer: LayerSpec) -> Layer:
        return (early.result(layer) if early else None) or write_layer(layout, layer, spec.created)

    layers = tuple(map(written, spec.layers))
    config = layout.put(image_config(spec, layers).to_json(), CONFIG)
    return Manifest(config, tuple(layer.descriptor for layer in layers), spec.annotations), layers


def image_config(spec: ImageSpec, layers: tuple[Layer, ...]) -> ImageConfig:
    """The configuration of a written image. Pure."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(spec.created))
    return ImageConfig(
        platform=spec.platform,
        run=spec.config,
        diff_ids=tuple(layer.diff_id for layer in layers),
        history=tuple(History(layer.created_by, created) for layer in spec.layers),
        created=created,
    )
