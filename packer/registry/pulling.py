"""``whit pull``: an image of a registry into the store, under its name, with the digest that it has there."""

from __future__ import annotations

import os

from whit.packer.image.oci import INDEXES, Descriptor, parse_manifest
from whit.packer.image.platform import machine_platform
from whit.packer.registry.choosing import chosen, refuse_other
from whit.packer.registry.ends import LayoutTarget
from whit.packer.registry.origins import Origins
from whit.packer.registry.transfer import transfer
from whit.packer.registry.tree import Tree, gather
from whit.packer.store.store import config_of
from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.registry.registries import Registries
    from whit.packer.registry.sending import Placed, Readable
    from whit.packer.registry.transfer import Moved, Watcher
    from whit.packer.store.layout import Layout
    from whit.packer.store.store import Store


class Take(StrEnum):
    """What of an image is wanted: what is for the platform; that, or one in no index, whatever it is for; all."""

    EXACT = "exact"
    ANY = "any"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Pulled:
    """``digest`` is what the name points to at the registry, ``descriptor`` what it points to here."""

    reference: Reference
    digest: str
    descriptor: Descriptor
    moved: Moved
    tree: Tree


def partial_folder(store: Store) -> Path:
    """Where blobs are that haven't come whole yet."""
    return store.cache_folder / "partial"


def origins(store: Store) -> Origins:
    """What is known of repositories' blobs."""
    return Origins(store.cache_folder / "origins")


def pull(
    store: Store,
    registries: Registries,
    reference: Reference,
    watcher: Watcher,
    platform: Platform | None = None,
    *,
    take: Take = Take.EXACT,
) -> Pulled:
    """Have an image in the store: for a platform (this machine's), or with all that its index has.

    Raises :class:`RegistryError`, :class:`StoreError`, :class:`NotFoundError` for a platform that it isn't for.
    """
    source = registries.source(reference)
    root = source.root()
    wanted = platform or machine_platform(os.uname().machine)
    image = root if take is Take.WHOLE else chosen(root, source, wanted, reference.familiar)
    tree = gather(image, source.document)
    _check(tree, reference)
    if platform and take is Take.EXACT:
        refuse_other(image, source, platform, reference.familiar)
    had = any(known == reference for known, _ in store.entries())
    with store.adding() as layout:
        target = _target(store, layout, reference, tree)
        moved = transfer(tree, source, target, watcher)
        store.happened(store.image(image.descriptor).image_id, "pull", reference.familiar)
    if had and not moved.was_there:
        from whit.packer.store.garbage import collect  # noqa: PLC0415 - only where something may have been replaced

        collect(store)
    repository = source.repository
    origins(store).note(repository.registry.domain, repository.name, tree)
    return Pulled(reference, root.descriptor.digest, image.descriptor, moved, tree)


class _StoreTarget(LayoutTarget):
    """The store. A configuration that can't be its manifest's ends the transfer before the layers have come."""

    tree: Tree

    def put_blob(self, blob: Descriptor, source: Readable, moved: Callable[[int], None]) -> Placed:
        """As a layout's."""
        placed = super().put_blob(blob, source, moved)
        for descriptor, manifest in self.tree.images:
            if manifest.config.digest == blob.digest:
                config_of(self.layout, descriptor, manifest)
        return placed


def _target(store: Store, layout: Layout, reference: Reference, tree: Tree) -> LayoutTarget:
    def is_named(descriptor: Descriptor) -> bool:
        return any(
            known == reference and entry.digest == descriptor.digest and _is_whole(layout, entry)
            for known, entry in store.entries()
        )

    def name(descriptor: Descriptor) -> None:
        store.add(descriptor, (reference,))

    target = _StoreTarget(layout, name, partial_folder(store), is_named=is_named)
    target.tree = tree
    return target


def _is_whole(layout: Layout, descriptor: Descriptor) -> bool:
    """Whether all that a manifest points to is there; an index is looked at again, blob by blob."""
    if descriptor.media_type in INDEXES:
        return False
    return all(map(layout.has, parse_manifest(layout.read(descriptor)).blobs))


def _check(tree: Tree, reference: Reference) -> None:
    """Refuse what isn't an image, before its layers are fetched."""
    for document in tree.documents:
        if document.descriptor.media_type in INDEXES:
            continue
        manifest = parse_manifest(document.data, reference.familiar)
        if manifest.holds_module:
            from whit.packer.image.wasmimage import check_layers  # noqa: PLC0415 - few images are such

            check_layers(manifest, reference.familiar)
        if not manifest.is_image:
            kind = manifest.artifact_type or manifest.config.media_type
            raise UnsupportedError(
                f"{reference.familiar} is an artifact of type {kind}, not an image",
                hint=f"whit copy {reference.familiar} oci:FOLDER takes it as it is",
            )
