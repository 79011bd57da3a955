"""What refers to images (SBOMs, provenance, signatures), to a registry and back.

Signatures are also put where cosign looks for them: the image ``sha256-HEX.sig`` has them as its layers.
"""

from __future__ import annotations

from collections.abc import Callable

from whit.packer.image.oci import (
    CONFIG,
    DOCKER_MANIFEST,
    MANIFEST,
    Descriptor,
    Manifest,
    digest_of,
    parse_manifest,
)
from whit.packer.registry.ends import LayoutTarget
from whit.packer.registry.referrers import referrers
from whit.packer.registry.repository import Document
from whit.packer.registry.tags import change, tagged
from whit.packer.supply.attaching import EMPTY, MOST, plain
from whit.packer.supply.signing import ENVELOPE, SIGNATURES, SIMPLE_SIGNING
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import canonical_json
from whit.packer.support.light import TYPE_CHECKING, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.packer.registry.ends import RepositoryTarget, Source
    from whit.packer.registry.repository import Repository
    from whit.packer.registry.sending import Readable
    from whit.packer.registry.tree import Tree
    from whit.packer.store.layout import Layout

BESIDE = {SIMPLE_SIGNING: "sig", ENVELOPE: "att"}
"""Media types of layers that cosign looks for in an image whose tag is made of the subject's digest, and its end."""


Listing = Callable[[str], tuple[Descriptor, ...]]
"""What refers to a manifest, by its digest."""


def beside(digest: str, ending: str = "") -> str:
    """The tag for what belongs to a manifest (distribution-spec, "Referrers Tag Schema"; cosign's, with an ending)."""
    return digest.replace(":", "-") + (f".{ending}" if ending else "")


def send(listing: Listing, tree: Tree, source: Source, target: RepositoryTarget) -> tuple[Descriptor, ...]:
    """Have the registry hold all that is attached to an image, or to what its index leads to; what wasn't there.

    Raises :class:`RegistryError`, :class:`StoreError`.
    """
    sent: list[Descriptor] = []
    known: dict[str, set[str]] = {}
    layers: dict[str, list[Descriptor]] = {}
    for subject, descriptor in _below(tree, listing):
        if subject not in known:
            known[subject] = {item.digest for item in referrers(target.repository, subject)}
        document = source.document(plain(descriptor))
        manifest = parse_manifest(document.data, descriptor.digest)
        layers.setdefault(subject, []).extend(manifest.layers)
        if descriptor.digest in known[subject] and manifest.subject:
            continue
        put(target, document, source)
        if manifest.subject:
            sent.append(descriptor)
    for subject, found in layers.items():
        put_beside(target, subject, found)
    return tuple(sent)


def receive(
    listing: Listing, tree: Tree, source: Source, layout: Layout, note: Callable[[str, Descriptor], object]
) -> tuple[Descriptor, ...]:
    """Have a layout hold all that is attached to an image; ``note`` is told of each, with its subject's digest.

    For the store to be called within :meth:`Store.adding`. Raises as :func:`send`.
    """
    target = LayoutTarget(layout, lambda _: None, None, is_named=lambda _: False)
    got: list[Descriptor] = []
    for subject, descriptor in _below(tree, listing):
        document = source.document(plain(descriptor))
        for blob in dict.fromkeys(map(plain, parse_manifest(document.data, descriptor.digest).blobs)):
            target.put_blob(blob, source, _untold)
        target.put_document(document, is_root=True)
        note(subject, descriptor)
        got.append(descriptor)
    return tuple(got)


def _below(tree: Tree, listing: Listing) -> Iterator[tuple[str, Descriptor]]:
    """(subject, what refers to it), and what refers to that in turn; each once."""
    pending = [document.descriptor.digest for document in tree.documents]
    seen = set(pending)
    while pending:
        subject = pending.pop(0)
        for descriptor in listing(subject):
            if descriptor.digest not in seen and descriptor.media_type in {MANIFEST, DOCKER_MANIFEST}:
                seen.add(descriptor.digest)
                if len(seen) > MOST:
                    raise InvalidFileError(f"more than {MOST} artifacts are attached to {tree.root.descriptor.digest}")
                pending.append(descriptor.digest)
                yield subject, descriptor


def put(target: RepositoryTarget, document: Document, source: Readable) -> None:
    """Have a registry hold one artifact, and list it. What has no subject is only there for what it is made of."""
    manifest = parse_manifest(document.data, document.descriptor.digest)
    for blob in dict.fromkeys(map(plain, manifest.blobs)):
        target.put_blob(blob, source, _untold)
    if manifest.subject:
        target.repository.put_manifest(document)


def put_beside(target: RepositoryTarget, subject: str, layers: Iterable[Descriptor]) -> None:
    """Put signatures and envelopes that are there where cosign looks for them; others' stay."""
    by_ending: dict[str, list[Descriptor]] = {}
    for layer in layers:
        if layer.media_type in BESIDE:
            by_ending.setdefault(BESIDE[layer.media_type], []).append(layer)
    for ending, found in by_ending.items():
        _put_beside(target, beside(subject, ending), found)


def _untold(_: int) -> None:
    """Documents are small: nobody is told how far they are."""


def _put_beside(target: RepositoryTarget, tag: str, layers: Iterable[Descriptor]) -> None:
    """Add layers to the image that cosign reads; what others have put there stays."""

    def wanted(there: Document | None) -> Document | None:
        known = parse_manifest(there.data, tag) if there else None
        kept = known.layers if known else ()
        new = tuple(layer for layer in dict.fromkeys(layers) if layer not in kept)
        if not new:
            return None
        config = _configuration((*kept, *new))
        blob = Descriptor(CONFIG, digest_of(config), len(config))
        target.put_blob(blob, _Bytes(config), _untold)
        annotations = known.annotations if known else ()
        return _document(Manifest(blob, (*kept, *new), annotations).to_json(), MANIFEST)

    change(target.repository, tag, wanted)


def _configuration(layers: tuple[Descriptor, ...]) -> bytes:
    """An image's configuration as cosign expects one: it says nothing but how many layers there are."""
    return canonical_json(
        {
            "architecture": "", "os": "", "config": {}, "created": "0001-01-01T00:00:00Z",
            "history": [{"created": "0001-01-01T00:00:00Z"} for _ in layers],
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        }
    )  # fmt: skip


class _Bytes:
    """A document in memory as something that can be sent."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def blob(self, blob: Descriptor, start: int = 0) -> Iterator[bytes]:
        """Its bytes."""
        if blob.size != len(self._data):
            raise AssertionError
        yield self._data[start:]


def _document(data: bytes, media_type: str) -> Document:
    return Document(Descriptor(media_type, digest_of(data), len(data)), data)


def listed(repository: Repository, digest: str) -> tuple[Descriptor, ...]:
    """All that refers to a manifest at a registry, what cosign has beside it included."""
    found = {item.digest: _typed(item, repository) for item in referrers(repository, digest)[:MOST]}
    for ending, kind in (("sig", SIGNATURES), ("att", ENVELOPE)):
        there = tagged(repository, beside(digest, ending))[0]
        if there and there.descriptor.digest not in found:
            found[there.descriptor.digest] = replace(there.descriptor, artifact_type=kind)
    return tuple(found.values())


def _typed(descriptor: Descriptor, repository: Repository) -> Descriptor:
    """A descriptor with its manifest's own type, where the registry's list says nothing of it."""
    if descriptor.artifact_type not in {None, EMPTY} or descriptor.media_type not in {MANIFEST, DOCKER_MANIFEST}:
        return descriptor
    manifest = parse_manifest(repository.manifest(descriptor.digest, descriptor).data, descriptor.digest)
    return replace(descriptor, artifact_type=manifest.artifact_type or manifest.config.media_type)
