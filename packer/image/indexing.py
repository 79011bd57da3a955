"""``whit manifest``: an index made of images of the store, one for each platform (image-spec, image-index.md)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from whit.packer.image.oci import INDEX, INDEXES, Index, parse_index
from whit.packer.store.garbage import collect
from whit.packer.support.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whit.packer.image.oci import Descriptor
    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.store.layout import Layout
    from whit.packer.store.store import Store


def create(store: Store, reference: Reference, names: Iterable[str], *, amend: bool) -> Descriptor:
    """Let a name point to an index of these images; an index among them stands for all that it has.

    ``amend`` keeps what an index of that name has, but for the same platforms. Raises :class:`NotFoundError`, and
    :class:`UsageError` for a name that is taken.
    """
    with store.adding() as layout:
        known = _known(store, layout, reference)
        if known is not None and not amend:
            raise UsageError(f"there is an image {reference.familiar}", hint="--amend changes it, whit rmi removes it")
        found: dict[str, Descriptor] = {str(item.platform): item for item in known or ()}
        for name in names:
            for item in _images(store, layout, name):
                found[str(item.platform)] = item
        return _named(store, layout, reference, tuple(found.values()))


def annotate(store: Store, reference: Reference, name: str, change: Callable[[Platform], Platform]) -> Descriptor:
    """Change what an index says of the platform of one of its images. Raises :class:`NotFoundError`."""
    with store.adding() as layout:
        manifests = _known(store, layout, reference)
        if manifests is None:
            raise NotFoundError(f"there is no index {reference.familiar} in the store", hint="whit manifest create")
        wanted = {item.digest for item in _images(store, layout, name)}
        if wanted.isdisjoint(item.digest for item in manifests):
            raise NotFoundError(f"{reference.familiar} has no image {name}", hint="whit manifest inspect shows them")
        changed = (
            replace(item, platform=change(item.platform)) if item.digest in wanted and item.platform else item
            for item in manifests
        )
        return _named(store, layout, reference, tuple(changed))


def _known(store: Store, layout: Layout, reference: Reference) -> tuple[Descriptor, ...] | None:
    """What the index of a name has; None where there is no such name. An image stands for an index of itself."""
    try:
        descriptor = store.entry(str(reference))
    except NotFoundError:
        return None
    if descriptor.media_type not in INDEXES:
        return (_plain(store, descriptor),)
    return parse_index(layout.read(descriptor)).manifests


def _images(store: Store, layout: Layout, name: str) -> tuple[Descriptor, ...]:
    descriptor = store.entry(name)
    if descriptor.media_type in INDEXES:
        return parse_index(layout.read(descriptor)).manifests
    return (_plain(store, descriptor),)


def _plain(store: Store, descriptor: Descriptor) -> Descriptor:
    """An image as an index points to it."""
    return replace(descriptor, annotations=(), platform=store.image(descriptor).platform)


def _named(store: Store, layout: Layout, reference: Reference, manifests: tuple[Descriptor, ...]) -> Descriptor:
    descriptor = layout.put(Index(manifests).to_json(), INDEX)
    store.add(descriptor, (reference,))
    return descriptor


def forget(store: Store, reference: Reference) -> None:
    """Take an index's name away; its images stay where they have names of their own.

    Raises :class:`NotFoundError`, and :class:`UsageError` for an image.
    """
    if store.entry(str(reference)).media_type not in INDEXES:
        raise UsageError(f"{reference.familiar} is an image, and no index", hint=f"whit rmi {reference.familiar}")
    store.remove(str(reference))
    collect(store)
