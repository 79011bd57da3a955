"""OCI's documents: descriptor, image configuration, manifest, index (image-spec 1.1). Pure.

Each is a frozen record with ``to_json()``, its canonical bytes, and a ``parse_*`` function that takes a document
from anywhere: types, sizes, digests and nesting are checked, and what whit has no use for is passed over.
Docker's schema 2 documents differ in their media types only, and are read as well.
"""

from __future__ import annotations

import re

from whit.packer.image.platform import Platform
from whit.packer.image.spec import HealthCheck, RunConfig
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.hashing import sha256
from whit.packer.support.jsondoc import Doc, canonical_json, parse_object
from whit.packer.support.light import dataclass

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEXES = (INDEX, DOCKER_INDEX)
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER_TAR = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_LAYER_ZSTD = "application/vnd.docker.image.rootfs.diff.tar.zstd"
OCI_LAYERS = {DOCKER_LAYER_TAR: LAYER_TAR, DOCKER_LAYER_GZIP: LAYER_GZIP, DOCKER_LAYER_ZSTD: LAYER_ZSTD}
"""Docker's media types of layers → OCI's for the same bytes."""

WASM_CONFIG = "application/vnd.wasm.config.v0+json"
"""The configuration of the CNCF's Wasm OCI artifact (TAG Runtime, "Wasm OCI Artifact layout")."""

WASM_LAYER = "application/wasm"
WASM_LAYERS = (
    WASM_LAYER,
    "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
)
"""Layers that are a module or component itself and no tar: the artifact's, runwasi's before it, wasm-to-oci's."""

DOCKER_LAYER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

REF_NAME = "org.opencontainers.image.ref.name"
"""The annotation that names an image in a layout's index."""

MAX_DOCUMENT = 4 << 20
"""The greatest manifest, index or configuration that is read, in bytes (registries' own limit for manifests)."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")


def digest_of(data: bytes) -> str:
    """The digest of some bytes, ``sha256:`` and 64 hex digits."""
    return f"sha256:{sha256(data).hexdigest()}"


def check_digest(text: str, where: str) -> str:
    """The text itself if it is a sha256 digest; raises :class:`InvalidFileError`. Other algorithms aren't taken."""
    if not _DIGEST.fullmatch(text):
        raise InvalidFileError(f"{where}: not a sha256 digest: {text[:80]!r}")
    return text


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Points at a blob by digest (image-spec, descriptor.md). ``size`` is in bytes."""

    media_type: str
    digest: str
    size: int
    annotations: tuple[tuple[str, str], ...] = ()
    platform: Platform | None = None
    artifact_type: str | None = None

    @property
    def hex(self) -> str:
        """The digest without its algorithm."""
        return self.digest.partition(":")[2]

    def annotation(self, key: str) -> str | None:
        """One annotation's value."""
        return dict(self.annotations).get(key)

    def document(self) -> dict[str, object]:
        """As a JSON object."""
        document: dict[str, object] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        if self.platform:
            document["platform"] = _platform_document(self.platform)
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        return document


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that has been written: its blob, and the digest of its uncompressed tar."""

    descriptor: Descriptor
    diff_id: str
    tar_size: int


@dataclass(frozen=True, slots=True)
class History:
    """How one layer came to be (image-spec, config.md)."""

    created_by: str
    created: str | None = None
    empty_layer: bool = False
    author: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """An image's configuration (image-spec, config.md). ``created`` is RFC 3339."""

    platform: Platform
    run: RunConfig
    diff_ids: tuple[str, ...] = ()
    history: tuple[History, ...] = ()
    created: str | None = None
    author: str = ""

    def to_json(self) -> bytes:
        """Its canonical bytes."""
        document: dict[str, object] = {
            **_platform_document(self.platform),
            "config": _run_document(self.run),
            "rootfs": {"type": "layers", "diff_ids": list(self.diff_ids)},
        }
        if self.history:
            document["history"] = [_history_document(step) for step in self.history]
        if self.created:
            document["created"] = self.created
        if self.author:
            document["author"] = self.author
        return canonical_json(document)


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image's manifest (image-spec, manifest.md): its configuration and its layers, lowest first."""

    config: Descriptor
    layers: tuple[Descriptor, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    media_type: str = MANIFEST
    artifact_type: str | None = None
    subject: Descriptor | None = None

    @property
    def holds_module(self) -> bool:
        """Whether a layer is WebAssembly itself, in no tar."""
        return any(layer.media_type in WASM_LAYERS for layer in self.layers)

    @property
    def is_image(self) -> bool:
        """Whether there is a program in it to run: an image, or an artifact that is WebAssembly."""
        return self.config.media_type in (CONFIG, DOCKER_CONFIG) or self.holds_module

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Everything that must be there for the image to be whole."""
        return (self.config, *self.layers)

    def to_json(self) -> bytes:
        """Its canonical bytes."""
        document: dict[str, object] = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": self.config.document(),
            "layers": [layer.document() for layer in self.layers],
        }
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        if self.subject:
            document["subject"] = self.subject.document()
        return canonical_json(document)


@dataclass(frozen=True, slots=True)
class Index:
    """A list of manifests (image-spec, image-index.md): of one image for several platforms, or of a whole layout."""

    manifests: tuple[Descriptor, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    media_type: str = INDEX

    def to_json(self) -> bytes:
        """Its canonical bytes."""
        document: dict[str, object] = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "manifests": [manifest.document() for manifest in self.manifests],
        }
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        return canonical_json(document)


def _platform_document(platform: Platform) -> dict[str, object]:
    document: dict[str, object] = {"os": platform.os, "architecture": platform.architecture}
    if platform.variant:
        document["variant"] = platform.variant
    return document


def _run_document(run: RunConfig) -> dict[str, object]:
    members: dict[str, object] = {
        "Entrypoint": list(run.entrypoint),
        "Cmd": list(run.cmd),
        "Env": list(run.env),
        "User": run.user,
        "WorkingDir": run.working_dir,
        "Labels": dict(run.labels),
        "ExposedPorts": {port: {} for port in run.exposed_ports},
        "Volumes": {path: {} for path in run.volumes},
        "StopSignal": run.stop_signal,
        "Healthcheck": health_document(run.health) if run.health else None,
        "Shell": list(run.shell),
        "OnBuild": list(run.on_build),
    }
    return {key: value for key, value in members.items() if value}


def health_document(health: HealthCheck) -> dict[str, object]:
    """As docker writes it: what is as usual is left out."""
    members: dict[str, object] = {
        "Test": list(health.test),
        "Interval": health.interval,
        "Timeout": health.timeout,
        "StartPeriod": health.start_period,
        "StartInterval": health.start_interval,
        "Retries": health.retries,
    }
    return {key: value for key, value in members.items() if value}


def _history_document(step: History) -> dict[str, object]:
    document: dict[str, object] = {"created_by": step.created_by}
    if step.created:
        document["created"] = step.created
    if step.empty_layer:
        document["empty_layer"] = True
    told = {"author": step.author, "comment": step.comment}
    return document | {key: text for key, text in told.items() if text}


def parse_config(data: bytes, what: str = "image configuration") -> ImageConfig:
    """An image's configuration from untrusted bytes. Raises :class:`InvalidFileError`."""
    doc = parse_object(data, what, MAX_DOCUMENT)
    rootfs = doc.doc_or_none("rootfs")
    diff_ids = rootfs.texts("diff_ids") if rootfs else ()
    return ImageConfig(
        platform=_parse_platform(doc),
        run=_parse_run(doc.doc_or_none("config")),
        diff_ids=tuple(check_digest(text, f"{what}: diff_ids") for text in diff_ids),
        history=tuple(_parse_history(step) for step in doc.docs("history")),
        created=doc.text_or_none("created"),
        author=doc.free_text("author"),
    )


def read_config(manifest: Manifest, data: bytes) -> ImageConfig:
    """The configuration of an image, or of an artifact that is WebAssembly as an image's. Raises :class:`InvalidFileError`."""
    if not manifest.holds_module:
        return parse_config(data)
    from whit.packer.image.wasmimage import module_config  # noqa: PLC0415 - few images do

    return module_config(manifest, data)


def parse_manifest(data: bytes, what: str = "image manifest") -> Manifest:
    """An image's manifest from untrusted bytes. Raises :class:`InvalidFileError`."""
    doc = parse_object(data, what, MAX_DOCUMENT)
    media_type = doc.text_or_none("mediaType") or MANIFEST
    if media_type not in (MANIFEST, DOCKER_MANIFEST):
        raise InvalidFileError(f"{what}: its media type is {media_type!r}, not an image manifest's")
    subject = doc.doc_or_none("subject")
    return Manifest(
        config=_parse_descriptor(doc.doc("config")),
        layers=tuple(_parse_descriptor(layer) for layer in doc.docs("layers")),
        annotations=doc.pairs("annotations"),
        media_type=media_type,
        artifact_type=doc.text_or_none("artifactType"),
        subject=_parse_descriptor(subject) if subject else None,
    )


def parse_index(data: bytes, what: str = "image index") -> Index:
    """A list of manifests from untrusted bytes. Raises :class:`InvalidFileError`."""
    doc = parse_object(data, what, MAX_DOCUMENT)
    media_type = doc.text_or_none("mediaType") or INDEX
    if media_type not in (INDEX, DOCKER_INDEX):
        raise InvalidFileError(f"{what}: its media type is {media_type!r}, not an index's")
    return Index(
        manifests=tuple(_parse_descriptor(manifest) for manifest in doc.docs("manifests")),
        annotations=doc.pairs("annotations"),
        media_type=media_type,
    )


def _parse_descriptor(doc: Doc) -> Descriptor:
    media_type = doc.text("mediaType")
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise InvalidFileError(f"{doc.where}: not a media type: {media_type[:80]!r}")
    platform = doc.doc_or_none("platform")
    return Descriptor(
        media_type=media_type,
        digest=check_digest(doc.text("digest"), doc.where),
        size=doc.count("size"),
        annotations=doc.pairs("annotations"),
        platform=_parse_platform(platform) if platform else None,
        artifact_type=doc.text_or_none("artifactType"),
    )


def _parse_platform(doc: Doc) -> Platform:
    return Platform(doc.text("os"), doc.text("architecture"), doc.text_or_none("variant") or None)


def _parse_history(doc: Doc) -> History:
    # Builders put whole shell scripts here, newlines and all, so it is read as freely as an argument is.
    return History(
        doc.free_text("created_by"),
        doc.text_or_none("created"),
        doc.flag("empty_layer"),
        doc.free_text("author"),
        doc.free_text("comment"),
    )


def _parse_run(doc: Doc | None) -> RunConfig:
    if doc is None:
        return RunConfig()
    return RunConfig(
        entrypoint=doc.texts("Entrypoint"),
        cmd=doc.texts("Cmd"),
        env=doc.texts("Env"),
        user=doc.text_or_none("User") or "",
        working_dir=doc.text_or_none("WorkingDir") or "",
        labels=doc.pairs("Labels"),
        exposed_ports=doc.keys("ExposedPorts"),
        volumes=doc.keys("Volumes"),
        stop_signal=doc.text_or_none("StopSignal") or None,
        health=_parse_health(doc.doc_or_none("Healthcheck")),
        shell=doc.texts("Shell"),
        on_build=doc.texts("OnBuild"),
    )


def _parse_health(doc: Doc | None) -> HealthCheck | None:
    test = doc.texts("Test") if doc else ()
    if doc is None or not test:
        return None
    times = (
        doc.count_or_none(name) or 0 for name in ("Interval", "Timeout", "StartPeriod", "StartInterval", "Retries")
    )
    return HealthCheck(test, *times)
