"""Layers + configuration → manifest: the last documents of an image, written into a layout."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from whit.packer.image.layer import content_of, write_layer
from whit.packer.image.oci import (
    CONFIG,
    OCI_LAYERS,
    WASM_CONFIG,
    WASM_LAYER,
    Descriptor,
    History,
    ImageConfig,
    Layer,
    Manifest,
)
from whit.packer.image.wasmimage import TITLE, artifact_config
from whit.packer.support.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.image.artifact import Artifact
    from whit.packer.image.early import EarlyLayer, KnownLayer
    from whit.packer.image.spec import ImageSpec, LayerSpec
    from whit.packer.store.layout import Layout
    from whit.packer.store.store import StoredImage


def write_image(
    layout: Layout,
    spec: ImageSpec,
    early: EarlyLayer | KnownLayer | None = None,
    base: StoredImage | None = None,
    recall: Callable[[LayerSpec], Layer | None] = lambda _: None,
) -> tuple[Manifest, tuple[Layer, ...]]:
    """Write an image's layers and configuration into a layout; its manifest is the caller's to add and name.

    ``early`` is a layer that was begun before the specification was known, ``base`` the image below, which is in the
    layout; its layers aren't among those given back. ``recall`` knows layers that are there already. Raises :class:`InvalidFileError` when a
    host file has changed since it was decided on.
    """

    def written(layer: LayerSpec) -> Layer:
        return (
            (early.result(layer) if early else None)
            or recall(layer)
            or write_layer(layout, layer, spec.created, compression=spec.compression)
        )

    if spec.artifact:
        return _write_artifact(layout, spec, spec.artifact)
    layers = tuple(map(written, spec.layers))
    config = layout.put(image_config(spec, layers, base).to_json(), CONFIG)
    below = tuple(_as_oci(layer) for layer in base.manifest.layers) if base else ()
    return Manifest(config, (*below, *(layer.descriptor for layer in layers)), spec.annotations), layers


def _write_artifact(layout: Layout, spec: ImageSpec, artifact: Artifact) -> tuple[Manifest, tuple[Layer, ...]]:
    """The program's bytes as they are, under a name for who unpacks them."""
    program = spec.layers[-1].entries[-1]
    with layout.new_blob() as blob:
        for piece in content_of(program):
            blob.write(piece)
    title = (TITLE, program.path.rpartition("/")[2])
    descriptor = Descriptor(WASM_LAYER, blob.digest, blob.size, (title,))
    config = layout.put(artifact_config(artifact, descriptor, rfc3339(spec.created)), WASM_CONFIG)
    layer = Layer(descriptor, descriptor.digest, descriptor.size)
    return Manifest(config, (descriptor,), spec.annotations), (layer,)


def _as_oci(layer: Descriptor) -> Descriptor:
    """A layer of docker's form under OCI's media type: the bytes are the same."""
    return replace(layer, media_type=OCI_LAYERS.get(layer.media_type, layer.media_type))


def image_config(spec: ImageSpec, layers: tuple[Layer, ...], base: StoredImage | None = None) -> ImageConfig:
    """The configuration of a written image, with the history of the one below. Pure."""
    created = rfc3339(spec.created)
    return ImageConfig(
        platform=spec.platform,
        run=spec.config,
        diff_ids=(*(base.config.diff_ids if base else ()), *(layer.diff_id for layer in layers)),
        history=(
            *(base.config.history if base else ()),
            *(History(layer.created_by, created) for layer in spec.layers),
        ),
        created=created,
    )
