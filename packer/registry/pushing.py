"""``whit push``: an image of the store to a registry, byte for byte, or converted on its way."""

from __future__ import annotations

from whit.packer.registry.ends import LayoutSource, RepositoryTarget
from whit.packer.registry.origins import Mounts
from whit.packer.registry.pulling import origins
from whit.packer.registry.sessions import Sessions
from whit.packer.registry.transfer import transfer
from whit.packer.registry.tree import Tree, gather
from whit.packer.supply.attaching import attached, attached_within
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.image.converted import Conversion
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.reference import Reference
    from whit.packer.registry.ahead import Ahead
    from whit.packer.registry.registries import Registries
    from whit.packer.registry.transfer import Moved, Watcher
    from whit.packer.store.store import Store


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a name at the registry points to now; ``referrers`` are those that weren't there.

    ``origin`` is what the store's name points to, ``left_out`` what told of that alone and isn't there, ``stayed`` what is
    attached to that alone.
    """

    reference: Reference
    descriptor: Descriptor
    moved: Moved
    tree: Tree
    origin: Descriptor
    referrers: tuple[Descriptor, ...] = ()
    left_out: tuple[Descriptor, ...] = ()
    stayed: tuple[Descriptor, ...] = ()


def push(
    store: Store,
    registries: Registries,
    reference: Reference,
    watcher: Watcher,
    conversion: Conversion | None = None,
    begun: Callable[[Descriptor], None] = lambda _: None,
    ahead: Ahead | None = None,
) -> Pushed:
    """Have a registry hold an image of the store under its name; the store's stays as it is where it is to be converted.

    ``begun`` is told each layer that is converted; ``ahead`` has what is on its way already. Raises :class:`NotFoundError`, :class:`RegistryError`.
    """
    # Under the lock of those who add: nothing that is being read gets collected meanwhile.
    with store.adding() if conversion else store.reading() as layout:
        origin = descriptor = store.entry(str(reference))
        left_out: tuple[Descriptor, ...] = ()
        stayed: tuple[Descriptor, ...] = ()
        if conversion:
            from whit.packer.archives.converting import convert  # noqa: PLC0415 - only where it is asked for

            done = convert(layout, origin, layout, conversion, begun)
            descriptor, left_out = done.descriptor, done.left_out
            stayed = attached_within(store, layout, origin)
        source = LayoutSource(layout, descriptor)
        tree = gather(source.root(), source.document)
        repository = registries.repository(reference)
        known = origins(store)
        mounts = Mounts(known, repository.registry.domain, repository.name)
        sessions = Sessions(store.cache_folder / "uploads")
        target = RepositoryTarget(repository, reference.tag, sessions, mounts, ahead)
        moved = transfer(tree, source, target, watcher)
        referrers: tuple[Descriptor, ...] = ()
        if any(attached(store, document.descriptor.digest) for document in tree.documents):
            from whit.packer.registry.referring import send  # noqa: PLC0415 - most images have nothing attached

            referrers = send(lambda digest: attached(store, digest), tree, source, target)
        store.happened(store.image(descriptor).image_id, "push", reference.familiar)
        known.note(repository.registry.domain, repository.name, tree)
    if conversion:
        from whit.packer.store.garbage import collect  # noqa: PLC0415 - as above

        collect(store)
    return Pushed(reference, descriptor, moved, tree, origin, referrers, left_out, stayed)
