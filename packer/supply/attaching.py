"""What belongs to an image of the store without being part of it: OCI artifacts with a ``subject`` (image-spec 1.1).

    ROOT/referrers/HEX.json    an OCI index of what refers to the manifest HEX, as the registries' referrers API gives it
    ROOT/referrers/lock        held while one of these is replaced

The blobs lie with all others. They live as long as their subject: the collection of garbage goes by the same files.
"""

from __future__ import annotations

from whit.packer.image.oci import (
    INDEXES,
    MANIFEST,
    MAX_DOCUMENT,
    Descriptor,
    Index,
    Manifest,
    check_digest,
    parse_index,
    parse_manifest,
)
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, StoreError
from whit.packer.support.light import TYPE_CHECKING, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from whit.packer.store.layout import Layout
    from whit.packer.store.store import Store

EMPTY = "application/vnd.oci.empty.v1+json"
"""The media type of ``{}``, which stands where an artifact has no configuration."""

MOST = 1000
"""Things attached to one image that are looked at."""


def folder(store: Store) -> Path:
    """Where the lists are."""
    return store.root / "referrers"


def _path(store: Store, digest: str) -> Path:
    return folder(store) / f"{check_digest(digest, 'a subject').removeprefix('sha256:')}.json"


def attached(store: Store, digest: str) -> tuple[Descriptor, ...]:
    """What refers to a manifest, in the order in which it came. Raises :class:`StoreError` where the list is damaged."""
    path = _path(store, digest)
    try:
        return parse_index(path.read_bytes()[: MAX_DOCUMENT + 1], str(path)).manifests
    except FileNotFoundError:
        return ()
    except InvalidFileError as error:
        raise StoreError(error.message, hint=f"remove {path}, and attach again what belongs to the image") from None


def attached_within(store: Store, layout: Layout, descriptor: Descriptor) -> tuple[Descriptor, ...]:
    """What refers to an image of the store, or to an index and what that has. Raises :class:`StoreError`."""
    found = attached(store, descriptor.digest)
    if descriptor.media_type in INDEXES:
        for child in parse_index(layout.read(descriptor), descriptor.digest).manifests:
            found += attached_within(store, layout, child)
    return found


def all_attached(store: Store, digest: str) -> tuple[tuple[str, Descriptor], ...]:
    """(subject, what refers to it) of a manifest, and of what refers to it in turn."""
    found: dict[str, tuple[str, Descriptor]] = {}
    pending = [digest]
    while pending:
        subject = pending.pop()
        for descriptor in attached(store, subject):
            if descriptor.digest not in found:
                found[descriptor.digest] = (subject, descriptor)
                pending.append(descriptor.digest)
    return tuple(found.values())


def attach(store: Store, subject: str, descriptor: Descriptor) -> None:
    """Let a manifest whose blobs are there belong to another. To be called within :meth:`Store.adding`."""
    path = _path(store, subject)
    durable.private_folder(path.parent)
    with durable.store_errors(f"write to {path.parent}"), durable.locked(path.parent / "lock", exclusive=True):
        known = attached(store, subject)
        if any(item.digest == descriptor.digest for item in known):
            return
        store.layout.settle()
        durable.write_whole(path, Index((*known, descriptor)).to_json())


def attach_manifest(store: Store, layout: Layout, manifest: Manifest) -> Descriptor:
    """Write an artifact's manifest, whose ``subject`` says what it belongs to, and attach it."""
    if manifest.subject is None:
        raise AssertionError
    written = layout.put(manifest.to_json(), manifest.media_type)
    kind = manifest.artifact_type or manifest.config.media_type
    descriptor = Descriptor(written.media_type, written.digest, written.size, manifest.annotations, None, kind)
    attach(store, manifest.subject.digest, descriptor)
    return descriptor


def attach_document(
    store: Store,
    subject: Descriptor,
    data: bytes,
    media_type: str,
    *,
    artifact_type: str | None = None,
    annotations: tuple[tuple[str, str], ...] = (),
) -> Descriptor:
    """Attach one document, as an artifact of its own kind. The same one twice is there once."""
    with store.adding() as layout:
        blob = put_blob(layout, data, media_type, annotations)
        config = layout.put(b"{}", EMPTY)
        manifest = Manifest(
            config, (blob,), artifact_type=artifact_type or media_type, subject=plain(subject), annotations=annotations
        )
        return attach_manifest(store, layout, manifest)


def put_blob(layout: Layout, data: bytes, media_type: str, annotations: tuple[tuple[str, str], ...] = ()) -> Descriptor:
    """A document of any size as a blob of the layout."""
    written = layout.put(data, media_type)
    return Descriptor(media_type, written.digest, written.size, tuple(sorted(annotations)))


def plain(descriptor: Descriptor) -> Descriptor:
    """A descriptor that says nothing but what it points to."""
    return Descriptor(descriptor.media_type, descriptor.digest, descriptor.size)


def forget_gone(store: Store, reachable: Iterable[str]) -> None:
    """Remove the lists of subjects that aren't there any more. For the collection of garbage alone."""
    known = set(reachable)
    place = folder(store)
    if not place.is_dir():
        return
    durable.sweep_temporaries(place)
    for path in place.glob("*.json"):
        if path.stem not in known:
            path.unlink()


def listed_in(layout: Layout) -> Callable[[str], tuple[Descriptor, ...]]:
    """What refers to a manifest in a layout outside of the store: artifacts in its index, each with its ``subject``.

    Raises :class:`StoreError` for one that is missing, :class:`InvalidFileError` for one that is damaged.
    """
    found: dict[str, list[Descriptor]] = {}
    for item in layout.index().manifests:
        if item.artifact_type is not None and item.media_type == MANIFEST:
            subject = parse_manifest(layout.read(item), item.digest).subject
            if subject is not None:
                found.setdefault(subject.digest, []).append(item)
    return lambda digest: tuple(found.get(digest, ()))


def entry_of(artifact: Descriptor) -> Descriptor:
    """An artifact as it stands in the index of a layout outside of the store: its type tells it from images."""
    return replace(artifact, platform=None, artifact_type=artifact.artifact_type or EMPTY)


def list_in(layout: Layout, descriptor: Descriptor) -> None:
    """Have an artifact in such a layout's index."""
    entry = entry_of(descriptor)

    def change(items: tuple[Descriptor, ...]) -> tuple[Descriptor, ...]:
        return items if any(item.digest == entry.digest for item in items) else (*items, entry)

    with durable.store_errors(f"write to {layout.folder}"):
        layout.edit_index(change)
