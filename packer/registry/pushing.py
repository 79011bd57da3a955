"""``whit push``: an image of the store to a registry, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.registry.ends import LayoutSource, RepositoryTarget
from whit.packer.registry.origins import Mounts
from whit.packer.registry.pulling import origins
from whit.packer.registry.referring import send
from whit.packer.registry.sessions import Sessions
from whit.packer.registry.transfer import transfer
from whit.packer.registry.tree import Tree, gather
from whit.packer.supply.attaching import attached

if TYPE_CHECKING:
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.reference import Reference
    from whit.packer.registry.registries import Registries
    from whit.packer.registry.transfer import Moved, Watcher
    from whit.packer.store.store import Store


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a name at the registry points to now; ``referrers`` are those that weren't there."""

    reference: Reference
    descriptor: Descriptor
    moved: Moved
    tree: Tree
    referrers: tuple[Descriptor, ...] = ()


def push(store: Store, registries: Registries, reference: Reference, watcher: Watcher) -> Pushed:
    """Have a registry hold an image of the store under its name. Raises :class:`NotFoundError`, :class:`RegistryError`."""
    # Under the lock of those who add: nothing that is being read gets collected meanwhile.
    with store.reading() as layout:
        descriptor = store.entry(str(reference))
        source = LayoutSource(layout, descriptor)
        tree = gather(source.root(), source.document)
        repository = registries.repository(reference)
        known = origins(store)
        mounts = Mounts(known, repository.registry.domain, repository.name)
        sessions = Sessions(store.cache_folder / "uploads")
        target = RepositoryTarget(repository, reference.tag, sessions, mounts)
        moved = transfer(tree, source, target, watcher)
        referrers = send(lambda digest: attached(store, digest), tree, source, target)
        store.happened(store.image(descriptor).image_id, "push", reference.familiar)
        known.note(repository.registry.domain, repository.name, tree)
    return Pushed(reference, descriptor, moved, tree, referrers)
