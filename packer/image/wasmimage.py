"""WebAssembly as an image: the CNCF's Wasm OCI artifact, written, and read as an image that holds its module as a file. Pure.

Sources: CNCF TAG Runtime, "Wasm OCI Artifact layout"; runwasi, crates/oci-tar-builder.
"""

from __future__ import annotations

from whit.packer.image.layer import header
from whit.packer.image.oci import (
    Descriptor,
    History,
    ImageConfig,
    Manifest,
    check_digest,
    parse_config,
)
from whit.packer.image.platform import WASI, Platform
from whit.packer.image.spec import Entry, EntryKind, HostFile, RunConfig, default_path
from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.packer.support.imagepath import fault
from whit.packer.support.jsondoc import canonical_json, parse_object
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.packer.tar import write as tarwrite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.image.artifact import Artifact

TITLE = "org.opencontainers.image.title"
"""The annotation that names a layer's file (OCI image-spec, annotations.md)."""

_NAMELESS = "/module.wasm"
_MODE = 0o555
_MAX_CONFIG = 4 << 20


def module_path(layer: Descriptor) -> str:
    """Where a layer that is a module stands when it is unpacked: at its title's name, if that is one."""
    title = layer.annotation(TITLE) or ""
    if not title or "/" in title or fault(f"/{title}"):
        return _NAMELESS
    return default_path(title)


def module_tar(layer: Descriptor, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The tar that holds a layer's module as a file, as if it had been packed in one."""
    content = HostFile("", layer.size, (0, 0, 0, 0))
    yield header(Entry(module_path(layer), EntryKind.FILE, _MODE, "", content=content), 0)
    yield from chunks
    yield tarwrite.padding(layer.size) + tarwrite.END


def check_layers(manifest: Manifest, what: str) -> None:
    """Refuse an image of several components: what they are together isn't specified yet. Raises :class:`UnsupportedError`."""
    if manifest.holds_module and len(manifest.layers) > 1:
        raise UnsupportedError(
            f"{what} has {len(manifest.layers)} layers, and one that is WebAssembly stands alone",
            hint="compose its components into one: wasm-tools compose, or wac",
        )


def module_config(manifest: Manifest, data: bytes) -> ImageConfig:
    """The configuration of an image whose layer is a module, as that of an image that holds it as a file.

    Its ``diff_ids`` are the layers' own digests. Raises :class:`InvalidFileError`.
    """
    try:
        check_layers(manifest, "it")
    except UnsupportedError as error:
        raise InvalidFileError(error.message, hint=error.hint) from None
    doc = parse_object(data, "WebAssembly's configuration", _MAX_CONFIG)
    digests = tuple(check_digest(text, "layerDigests") for text in doc.texts("layerDigests"))
    layer = manifest.layers[0]
    if digests and digests != (layer.digest,):
        raise InvalidFileError("the configuration's layerDigests aren't the layers'")
    # Of wasm-to-oci and others it is an empty object.
    platform = Platform(doc.text_or_none("os") or WASI, doc.text_or_none("architecture") or "wasm")
    path, created = module_path(layer), doc.text_or_none("created")
    run = parse_config(data).run if doc.doc_or_none("config") else RunConfig()
    # Of runwasi's older images the first word names no file of the image, and perhaps a function.
    first = "".join(run.entrypoint[:1])
    word = path + first[len(first.partition("#")[0]) :]
    return ImageConfig(
        platform=platform,
        run=replace(run, entrypoint=(word, *run.entrypoint[1:])),
        diff_ids=(layer.digest,),
        history=(History(f"{layer.media_type} as {path}", created),),
        created=created,
        author=doc.free_text("author"),
    )


def artifact_config(artifact: Artifact, layer: Descriptor, created: str) -> bytes:
    """The configuration of the CNCF's artifact: its canonical bytes. ``created`` is RFC 3339, and readers insist on it."""
    document: dict[str, object] = {
        "created": created,
        "architecture": "wasm",
        "os": artifact.os,
        "layerDigests": [layer.digest],
    }
    if artifact.is_component:
        component: dict[str, object] = {"exports": list(artifact.exports), "imports": list(artifact.imports)}
        document["component"] = {**component, "target": artifact.target} if artifact.target else component
    return canonical_json(document)
