"""An image of a layout → the same image with other layers: compressed otherwise, or with no time later than a given one.

Every layer is read once as a stream and checked twice: the blob against its digest, what is in it against the
configuration's diff_id. What comes out depends on that and on the wishes alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.image.converted import (
    Conversion,
    compression_of,
    config_document,
    index_document,
    layer_type,
    manifest_document,
)
from whit.packer.image.decompress import decompressed
from whit.packer.image.layer import write_tar
from whit.packer.image.oci import (
    INDEXES,
    Descriptor,
    Layer,
    Manifest,
    parse_config,
    parse_index,
    parse_manifest,
)
from whit.packer.support.counting import counted
from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.packer.tar.clamping import clamped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.store.layout import Layout

_OF_ANOTHER = "vnd.docker.reference.type"
"""The annotation of what tells of another image of the same index: BuildKit's attestations."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What an image has become; ``left_out`` were parts of its index that told of images as they were."""

    descriptor: Descriptor
    left_out: tuple[Descriptor, ...]


def convert(
    source: Layout,
    descriptor: Descriptor,
    target: Layout,
    conversion: Conversion,
    begun: Callable[[Descriptor], None] = lambda _: None,
) -> Converted:
    """Write the converted image, or index of several, into a layout; to name it is the caller's. ``begun``: by each layer.

    The layouts may be one. Raises :class:`InvalidFileError` for layers that aren't what their image says,
    :class:`UnsupportedError` for what is no image, and what the target's format can't hold.
    """
    converter = _Converter(source, target, conversion, begun)
    found = converter.any(descriptor)
    return Converted(found, tuple(converter.left_out))


@dataclass(slots=True)
class _Converter:
    source: Layout
    target: Layout
    conversion: Conversion
    begun: Callable[[Descriptor], None]
    left_out: list[Descriptor] = field(default_factory=list)
    _done: dict[tuple[str, str], Layer] = field(default_factory=dict)

    def any(self, descriptor: Descriptor) -> Descriptor:
        """An image or an index."""
        data = self.source.read(descriptor)
        if descriptor.media_type not in INDEXES:
            return self._manifest(descriptor, data)
        children = parse_index(data, descriptor.digest).manifests
        converted = [self._child(child) for child in children]
        changed = index_document(data, converted, self.conversion)
        return self._put(descriptor, data, changed, parse_index(changed).media_type)

    def _child(self, child: Descriptor) -> Descriptor | None:
        if child.annotation(_OF_ANOTHER):
            self.left_out.append(child)
            return None
        return self.any(child)

    def _manifest(self, descriptor: Descriptor, data: bytes) -> Descriptor:
        manifest = parse_manifest(data, descriptor.digest)
        if not manifest.is_image or manifest.holds_module or manifest.artifact_type:
            kind = manifest.artifact_type or manifest.config.media_type
            raise UnsupportedError(f"{descriptor.digest} is an artifact of type {kind}: there is nothing to convert")
        config = self.source.read(manifest.config)
        layers = self._layers(manifest, parse_config(config).diff_ids, descriptor)
        changed = self.target.put(config_document(config, layers, self.conversion), manifest.config.media_type)
        document = manifest_document(data, changed, layers, self.conversion)
        return self._put(descriptor, data, document, parse_manifest(document).media_type)

    def _put(self, old: Descriptor, before: bytes, data: bytes, media_type: str) -> Descriptor:
        new = self.target.put(data, media_type if data != before else old.media_type)
        return replace(old, media_type=new.media_type, digest=new.digest, size=new.size)

    def _layers(self, manifest: Manifest, diff_ids: tuple[str, ...], where: Descriptor) -> list[Layer]:
        if len(diff_ids) != len(manifest.layers):
            raise InvalidFileError(
                f"{where.digest} has {counted(len(manifest.layers), 'layer')} and {counted(len(diff_ids), 'diff_id')} in its configuration"
            )
        form = self.conversion.form_of(manifest.media_type)
        # What can't be is told before anything is worked on.
        for layer in manifest.layers:
            layer_type(form, self.conversion.compression or compression_of(layer))
        return [self._layer(layer, diff_id) for layer, diff_id in zip(manifest.layers, diff_ids, strict=True)]

    def _layer(self, layer: Descriptor, diff_id: str) -> Layer:
        key = layer.digest, diff_id
        if key not in self._done:
            self._done[key] = self._converted(layer, diff_id)
        return self._done[key]

    def _converted(self, layer: Descriptor, diff_id: str) -> Layer:
        there = compression_of(layer)
        wanted = self.conversion.compression or there
        if wanted is there and self.conversion.latest is None:
            self._kept(layer)
            return Layer(layer, diff_id, 0)
        self.begun(layer)
        tar = _checked(decompressed(layer.media_type, self.source.chunks(layer), layer.size), diff_id, layer)
        if self.conversion.latest is not None:
            tar = clamped(tar, self.conversion.latest)
        return write_tar(self.target, tar, compression=wanted)

    def _kept(self, blob: Descriptor) -> None:
        if not self.target.has(blob):
            with self.target.new_blob() as writer:
                for chunk in self.source.chunks(blob):
                    writer.write(chunk)


def _checked(tar: Iterator[bytes], diff_id: str, layer: Descriptor) -> Iterator[bytes]:
    """A layer's tar. Raises :class:`InvalidFileError` after the last piece where it isn't the one that is meant."""
    hashed = sha256()
    for piece in tar:
        hashed.update(piece)
        yield piece
    if f"sha256:{hashed.hexdigest()}" != diff_id:
        raise InvalidFileError(
            f"layer {layer.digest} isn't the one of its image's configuration: its diff_id is another"
        )
