"""Where an image and what refers to it are: in the store, or at a registry. The same words for both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from whit.packer.image.oci import INDEXES, Descriptor, Manifest, digest_of, parse_index
from whit.packer.image.reference import parse_reference
from whit.packer.supply.attaching import MOST, attach_manifest, attached, plain
from whit.packer.support.errors import InvalidFileError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whit.packer.image.reference import Reference
    from whit.packer.registry.registries import Registries
    from whit.packer.registry.repository import Repository
    from whit.packer.store.store import Store

REGISTRY = "docker://"
MAX_BLOB = 256 << 20
"""Bytes of an attached document that are read."""


class Place(Protocol):
    """Holds an image, ``subject`` being what its name points to."""

    @property
    def subject(self) -> Descriptor:
        """A manifest or an index."""

    @property
    def reference(self) -> Reference | None:
        """The image's name."""

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        """What refers to a manifest."""

    def document(self, descriptor: Descriptor) -> bytes:
        """A manifest's or index's bytes, digest checked."""

    def blob(self, descriptor: Descriptor) -> bytes:
        """A small blob's bytes, digest checked."""

    def attach(self, manifest: Manifest, blobs: Mapping[str, bytes]) -> Descriptor:
        """Attach an artifact, whose blobs are given by digest."""


@dataclass(frozen=True, slots=True)
class InStore:
    """An image of the store."""

    store: Store
    subject: Descriptor
    reference: Reference | None

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        """As attached here."""
        return attached(self.store, digest)[:MOST]

    def document(self, descriptor: Descriptor) -> bytes:
        """A document of the layout."""
        return self.store.layout.read(descriptor)

    def blob(self, descriptor: Descriptor) -> bytes:
        """A blob of the layout."""
        _bounded(descriptor)
        return b"".join(self.store.layout.chunks(descriptor))

    def attach(self, manifest: Manifest, blobs: Mapping[str, bytes]) -> Descriptor:
        """In the store; it goes along with the next push."""
        with self.store.adding() as layout:
            for data in blobs.values():
                layout.put(data, "application/octet-stream")
            return attach_manifest(self.store, layout, manifest)


@dataclass(frozen=True, slots=True)
class AtRegistry:
    """An image of a repository."""

    repository: Repository
    subject: Descriptor
    reference: Reference

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        """As the registry lists them, with what cosign has beside the image."""
        from whit.packer.registry.referring import listed  # noqa: PLC0415 - only where a registry is asked

        return listed(self.repository, digest)[:MOST]

    def document(self, descriptor: Descriptor) -> bytes:
        """A document of the repository."""
        return self.repository.manifest(descriptor.digest, descriptor).data

    def blob(self, descriptor: Descriptor) -> bytes:
        """A blob of the repository."""
        _bounded(descriptor)
        data = b"".join(map(bytes, self.repository.blob(descriptor)))
        if digest_of(data) != descriptor.digest:
            raise InvalidFileError(f"blob {descriptor.digest} comes with other bytes than its digest's")
        return data

    def attach(self, manifest: Manifest, blobs: Mapping[str, bytes]) -> Descriptor:
        """At the registry, at once."""
        from whit.packer.registry.ends import RepositoryTarget  # noqa: PLC0415 - as above
        from whit.packer.registry.referring import put, put_beside  # noqa: PLC0415
        from whit.packer.registry.repository import Document  # noqa: PLC0415
        from whit.packer.registry.sessions import Sessions  # noqa: PLC0415

        data = manifest.to_json()
        kind = manifest.artifact_type or manifest.config.media_type
        descriptor = Descriptor(manifest.media_type, digest_of(data), len(data), manifest.annotations, None, kind)
        subject = manifest.subject or self.subject
        target = RepositoryTarget(self.repository, None, Sessions(None))
        put(target, Document(plain(descriptor), data), _Given(blobs))
        put_beside(target, subject.digest, manifest.layers)
        return descriptor


class _Given:
    """Blobs in memory as something that can be sent."""

    def __init__(self, blobs: Mapping[str, bytes]) -> None:
        self._blobs = blobs

    def blob(self, blob: Descriptor, start: int = 0) -> Iterator[bytes]:
        """Its bytes."""
        yield self._blobs[blob.digest][start:]


def _bounded(descriptor: Descriptor) -> None:
    if descriptor.size > MAX_BLOB:
        raise InvalidFileError(f"{descriptor.digest} has {descriptor.size} bytes, at most {MAX_BLOB} are read")


def find(name: str, store: Store, registries: Registries) -> InStore | AtRegistry:
    """The image of a name: in the store, if it has it, else at the registry; ``docker://NAME`` means the registry's.

    Raises :class:`NotFoundError` with what either says.
    """
    missing: NotFoundError | None = None
    if not name.startswith(REGISTRY):
        try:
            descriptor = store.entry(name)
        except NotFoundError as error:
            missing = error
        else:
            reference = next((known for known, item in store.entries() if item == descriptor), None)
            return InStore(store, plain(descriptor), reference)
    return at_registry(name.removeprefix(REGISTRY), registries, missing)


def at_registry(name: str, registries: Registries, missing: NotFoundError | None = None) -> AtRegistry:
    """The image of a name at its registry. Raises :class:`NotFoundError`."""
    from whit.packer.registry.model import RegistryError  # noqa: PLC0415 - only where a registry is asked

    reference = parse_reference(name)
    repository = registries.repository(reference)
    try:
        found = repository.manifest(reference.digest or reference.tag or "latest")
    except RegistryError as error:
        if missing is None:
            raise
        raise NotFoundError(
            f"{missing.message}, nor can its registry be asked: {error.message}", hint=error.hint
        ) from None
    return AtRegistry(repository, plain(found.descriptor), reference)


def images(place: Place) -> tuple[Descriptor, ...]:
    """What a name points to, and all images that its index has."""
    found = {place.subject.digest: place.subject}
    pending = [place.subject]
    while pending and len(found) < MOST:
        descriptor = pending.pop()
        if descriptor.media_type in INDEXES:
            for item in parse_index(place.document(descriptor)).manifests:
                if item.digest not in found and (item.platform is None or item.platform.os != "unknown"):
                    found[item.digest] = plain(item)
                    pending.append(found[item.digest])
    return tuple(found.values())
