"""An image's documents after its layers have become others: as OCI's or docker's, with no time later than a given one. Pure.

What whit doesn't know in a document stays in it. Docker's schema 2 has no annotations, no subject and no zstd
(distribution, "Image Manifest Version 2, Schema 2"; image-spec, "conversion" and media-types.md).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from whit.packer.image import oci
from whit.packer.image.spec import Compression
from whit.packer.support.errors import UnsupportedError, UsageError
from whit.packer.support.jsondoc import canonical_json
from whit.packer.support.light import StrEnum, dataclass
from whit.packer.support.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whit.packer.image.oci import Descriptor, Layer

CREATED = "org.opencontainers.image.created"
"""The annotation, or label, that says when an image was made."""

_OF_THE_BYTES = ("containerd.io/", "io.github.containers.zstd-chunked.", "io.containers.estargz.", "buildkit/")
"""How annotations of a layer begin that tell of its bytes as they were."""


class Form(StrEnum):
    """Whose media types an image's documents have."""

    OCI = "oci"
    DOCKER = "docker"


_LAYERS = {
    Form.OCI: {
        Compression.GZIP: oci.LAYER_GZIP,
        Compression.ZSTD: oci.LAYER_ZSTD,
        Compression.NONE: oci.LAYER_TAR,
    },
    Form.DOCKER: {Compression.GZIP: oci.DOCKER_LAYER_GZIP, Compression.NONE: oci.DOCKER_LAYER_TAR},
}
_COMPRESSIONS = {name: compression for form in _LAYERS.values() for compression, name in form.items()} | {
    oci.DOCKER_LAYER_ZSTD: Compression.ZSTD
}
_MANIFESTS = {Form.OCI: oci.MANIFEST, Form.DOCKER: oci.DOCKER_MANIFEST}
_INDEXES = {Form.OCI: oci.INDEX, Form.DOCKER: oci.DOCKER_INDEX}
_CONFIGS = {Form.OCI: oci.CONFIG, Form.DOCKER: oci.DOCKER_CONFIG}


@dataclass(frozen=True, slots=True)
class Conversion:
    """What is to become of an image; None: stay as it is. ``latest`` is a time in seconds since 1970."""

    compression: Compression | None = None
    form: Form | None = None
    latest: int | None = None

    def __bool__(self) -> bool:
        """Whether anything may become of it."""
        return (self.compression, self.form, self.latest) != (None, None, None)

    def form_of(self, media_type: str) -> Form:
        """That of a manifest or index of some media type, afterwards."""
        is_docker = media_type in (oci.DOCKER_MANIFEST, oci.DOCKER_INDEX)
        return self.form or (Form.DOCKER if is_docker else Form.OCI)

    def date(self, text: str) -> str:
        """A moment (RFC 3339), or the latest one; what is no moment isn't kept either."""
        if self.latest is None:
            return text
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return rfc3339(self.latest)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        # Fractions count: what is later by less than a second is later.
        return rfc3339(self.latest) if moment > datetime.fromtimestamp(self.latest, UTC) else text


def compression_of(layer: Descriptor) -> Compression:
    """How a layer is compressed. Raises :class:`UnsupportedError` for what is no layer of files."""
    if layer.media_type not in _COMPRESSIONS:
        raise UnsupportedError(
            f"the image has layers of type {layer.media_type}, which can't be converted",
            hint="without --compression, --format and --rewrite-timestamps it is copied as it is",
        )
    return _COMPRESSIONS[layer.media_type]


def layer_type(form: Form, compression: Compression) -> str:
    """The media type of a layer. Raises :class:`UnsupportedError` for zstd in docker's form."""
    if compression not in _LAYERS[form]:
        raise UnsupportedError(
            "docker's format has no layers compressed by zstd", hint="add --compression gzip, or --format oci"
        )
    return _LAYERS[form][compression]


def config_document(data: bytes, layers: Sequence[Layer], conversion: Conversion) -> bytes:
    """A configuration with these layers; the same bytes where nothing is different."""
    document: dict[str, Any] = json.loads(data)
    before = json.dumps(document)
    document.setdefault("rootfs", {"type": "layers"})["diff_ids"] = [layer.diff_id for layer in layers]
    for place in (document, *(document.get("history") or ())):
        _dated(place, "created", conversion)
    _dated((document.get("config") or {}).get("Labels"), CREATED, conversion)
    return data if json.dumps(document) == before else canonical_json(document)


def manifest_document(data: bytes, config: Descriptor, layers: Sequence[Layer], conversion: Conversion) -> bytes:
    """A manifest that points to these; the same bytes where nothing is different."""
    document: dict[str, Any] = json.loads(data)
    before = json.dumps(document)
    form = conversion.form_of(document.get("mediaType") or oci.MANIFEST)
    document["config"] = _pointing(document["config"], config, _CONFIGS[form])
    document["layers"] = [
        _pointing(old, new.descriptor, layer_type(form, compression_of(new.descriptor)))
        for old, new in zip(document["layers"], layers, strict=True)
    ]
    return _finished(data, document, before, _MANIFESTS[form], conversion)


def index_document(data: bytes, manifests: Sequence[Descriptor | None], conversion: Conversion) -> bytes:
    """An index whose manifests have become these; None: left out."""
    document: dict[str, Any] = json.loads(data)
    before = json.dumps(document)
    form = conversion.form_of(document.get("mediaType") or oci.INDEX)
    pairs = zip(document["manifests"], manifests, strict=True)
    document["manifests"] = [_pointing(old, new, new.media_type) for old, new in pairs if new]
    if form is Form.DOCKER:
        for item in document["manifests"]:
            item.pop("annotations", None)
            item.pop("artifactType", None)
    return _finished(data, document, before, _INDEXES[form], conversion)


def _finished(data: bytes, document: dict[str, Any], before: str, media_type: str, conversion: Conversion) -> bytes:
    if (document.get("mediaType") or media_type) != media_type or conversion.form:
        document["mediaType"] = media_type
    if media_type in (oci.DOCKER_MANIFEST, oci.DOCKER_INDEX):
        for name in ("annotations", "subject", "artifactType"):
            document.pop(name, None)
    _dated(document.get("annotations"), CREATED, conversion)
    return data if json.dumps(document) == before else canonical_json(document)


def _pointing(old: dict[str, Any], new: Descriptor, media_type: str) -> dict[str, Any]:
    """A descriptor that points to something else: what it said of the old bytes is gone."""
    if old["digest"] == new.digest:
        return {**old, "mediaType": media_type}
    kept = {name: value for name, value in old.items() if name not in {"annotations", "data", "urls"}}
    notes = {name: text for name, text in (old.get("annotations") or {}).items() if not name.startswith(_OF_THE_BYTES)}
    changed = {"mediaType": media_type, "digest": new.digest, "size": new.size}
    return {**kept, **changed, **({"annotations": notes} if notes else {})}


def _dated(place: dict[str, Any] | None, name: str, conversion: Conversion) -> None:
    if place and isinstance(place.get(name), str):
        place[name] = conversion.date(place[name])


def refused_referrers() -> UsageError:
    """What is attached to an image isn't taken along where that becomes another."""
    return UsageError(
        "a converted image has another digest, and nothing that is attached to the old one fits it",
        hint="leave --with-referrers out; whit sign and whit sbom --attach make new ones",
    )
