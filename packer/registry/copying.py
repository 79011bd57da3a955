"""``whit copy``: an image from anywhere to anywhere, byte for byte; between registries without the disk.

What is converted on the way is in the store's layout meanwhile, under no name: a download goes on where it broke there,
too, and what it left behind is collected as any other garbage.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.archives.archive import CONTAINERD_NAME, output_layout, scratch_layout, write_archive
from whit.packer.archives.loading import adopted
from whit.packer.image.converted import refused_referrers
from whit.packer.image.oci import INDEXES, REF_NAME, Descriptor
from whit.packer.image.reference import parse_reference
from whit.packer.registry.choosing import chosen, refuse_other
from whit.packer.registry.ends import LayoutSource, LayoutTarget, MirroredSource, RepositoryTarget
from whit.packer.registry.locations import Kind, Location
from whit.packer.registry.model import RegistryError
from whit.packer.registry.names import find_named, is_among
from whit.packer.registry.origins import Mounts
from whit.packer.registry.progress import Silent
from whit.packer.registry.pulling import origins, partial_folder
from whit.packer.registry.sessions import Sessions
from whit.packer.registry.transfer import transfer
from whit.packer.registry.tree import Tree, gather
from whit.packer.store.garbage import collect
from whit.packer.store.layout import CHUNK, Layout
from whit.packer.supply.attaching import attach, attached, list_in, listed_in
from whit.packer.support import durable
from whit.packer.support.errors import NotFoundError, UnsupportedError, UsageError, WhitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.archives.loading import Adopted
    from whit.packer.image.converted import Conversion
    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.registry.ends import Source, Target
    from whit.packer.registry.referring import Listing
    from whit.packer.registry.registries import Registries
    from whit.packer.registry.repository import Document
    from whit.packer.registry.transfer import Moved, Watcher
    from whit.packer.store.store import Store


@dataclass(frozen=True, slots=True)
class Copied:
    """What the target's name points to now; ``origin`` is what the source's points to, ``left_out`` what told of that alone.

    ``stayed`` is what is attached to the source's images alone, where that is known without asking a registry.
    """

    descriptor: Descriptor
    moved: Moved
    tree: Tree
    origin: Descriptor
    left_out: tuple[Descriptor, ...] = ()
    stayed: tuple[Descriptor, ...] = ()


@dataclass(frozen=True, slots=True)
class Copier:
    """What every copy needs. ``fetching`` is told what is brought here to be converted, ``begun`` each layer that is then."""

    store: Store
    registries: Registries
    watcher: Watcher
    fetching: Watcher = field(default_factory=Silent)
    begun: Callable[[Descriptor], None] = lambda _: None

    def copy(
        self,
        origin: Location,
        target: Location,
        platform: Platform | None = None,
        conversion: Conversion | None = None,
        *,
        with_referrers: bool = False,
    ) -> Copied:
        """All that a name points to, or what its index has for one platform; ``with_referrers``: and what is attached to it.

        Raises :class:`NotFoundError`, :class:`UnsupportedError` for what the target can't hold, and what either end says.
        """
        if with_referrers and conversion:
            raise refused_referrers()
        if with_referrers and Kind.DOCKER_ARCHIVE in {origin.kind, target.kind}:
            raise UnsupportedError("docker's archives hold no referrers", hint="oci-archive:FILE does")
        with self._source(origin) as source:
            root = self._root(source, origin)
            if platform:
                what = origin.name or origin.path
                root = chosen(root, source, platform, what)
                refuse_other(root, source, platform, what)
            tree = gather(root, source.document)
            with (
                self._converted(source, tree, conversion) as (given, made, left_out),
                self._target(target, origin, source, made) as end,
            ):
                moved = transfer(made, given, end, self.watcher)
                if with_referrers:
                    self._attach(given, made, end)
            stayed = self._attached(source, tree) if conversion and not isinstance(source, MirroredSource) else ()
        return Copied(made.root.descriptor, moved, made, root.descriptor, left_out, stayed)

    def _root(self, source: Source, origin: Location) -> Document:
        """What is to be copied. A name that a registry doesn't have, and the store has, may be meant as the store's."""
        try:
            return source.root()
        except RegistryError as error:
            if origin.kind is not Kind.REGISTRY:
                raise
            try:
                self.store.entry(str(origin.reference))
            except WhitError:
                raise error from None
            hint = f"the store has an image of that name: store:{origin.reference.familiar}"
            raise RegistryError(error.message, hint=hint, status=error.status, code=error.code) from None

    def _attached(self, source: Source, tree: Tree) -> tuple[Descriptor, ...]:
        """What is attached to a tree's images; nothing where a layout's other images can't be read."""
        with contextlib.suppress(WhitError):
            listing = self._listing(source)
            return tuple(one for document in tree.documents for one in listing(document.descriptor.digest))
        return ()

    @contextlib.contextmanager
    def _converted(
        self, source: Source, tree: Tree, conversion: Conversion | None
    ) -> Iterator[tuple[Source, Tree, tuple[Descriptor, ...]]]:
        """The image as it is to be; as it is where nothing is wished for."""
        if not conversion:
            yield source, tree, ()
            return
        from whit.packer.archives.converting import convert  # noqa: PLC0415 - only where it is asked for

        with self.store.adding() as layout:
            there = source.layout if isinstance(source, LayoutSource) else layout
            if not isinstance(source, LayoutSource):
                here = LayoutTarget(layout, lambda _: None, partial_folder(self.store), is_named=lambda _: False)
                transfer(tree, source, here, self.fetching)
            done = convert(there, tree.root.descriptor, layout, conversion, self.begun)
            made = LayoutSource(layout, done.descriptor)
            yield made, gather(made.root(), made.document), done.left_out
        collect(self.store)

    def _attach(self, source: Source, tree: Tree, end: Target) -> None:
        """What is attached to an image, after it."""
        from whit.packer.registry.referring import receive, send  # noqa: PLC0415 - only where it is asked for

        listing = self._listing(source)
        if isinstance(end, RepositoryTarget):
            send(listing, tree, source, end)
        elif isinstance(end, LayoutTarget):
            layout, in_store = end.layout, end.layout == self.store.layout

            def note(subject: str, artifact: Descriptor) -> None:
                if in_store:
                    attach(self.store, subject, artifact)
                else:
                    list_in(layout, artifact)

            receive(listing, tree, source, layout, note)

    def _listing(self, source: Source) -> Listing:
        """What is attached to a source's images."""
        from whit.packer.registry.referring import listed  # noqa: PLC0415 - as above

        if isinstance(source, MirroredSource):
            return partial(listed, source.repository)
        if isinstance(source, ArchivedSource):
            return source.attached_to
        if isinstance(source, LayoutSource) and source.layout != self.store.layout:
            return listed_in(source.layout)
        return partial(attached, self.store)

    @contextlib.contextmanager
    def _source(self, origin: Location) -> Iterator[Source]:
        if origin.kind is Kind.REGISTRY:
            yield self.registries.source(origin.reference)
        elif origin.kind is Kind.STORE:
            # Its lock is held while it is read: nothing of it is collected.
            with self.store.reading() as layout:
                yield LayoutSource(layout, self.store.entry(origin.name))
        elif origin.kind is Kind.LAYOUT:
            layout = Layout(Path(origin.path), private=False)
            with durable.store_errors(f"read {origin.path}"):
                layout.check_version()
                yield LayoutSource(layout, find_named(layout.index().manifests, origin.name, origin.path))
        else:
            with self.store.adding() as layout:
                yield ArchivedSource(layout, _only(adopted(layout, _chunks(origin.path), origin.path), origin))
            collect(self.store)

    @contextlib.contextmanager
    def _target(self, target: Location, origin: Location, source: Source, tree: Tree) -> Iterator[Target]:
        if target.kind is Kind.REGISTRY:
            yield self._repository(target.reference, source)
        elif target.kind is Kind.STORE:
            with self.store.adding() as layout:
                reference = target.reference
                yield LayoutTarget(
                    layout,
                    lambda descriptor: self.store.add(descriptor, (reference,)),
                    partial_folder(self.store),
                    is_named=lambda _: False,
                )
        elif target.kind is Kind.LAYOUT:
            with output_layout(Path(target.path)) as layout:
                yield LayoutTarget(layout, _namer(layout, target.name), None, is_named=lambda _: False)
        else:
            with self._archive(target, origin, tree) as end:
                yield end

    def _repository(self, reference: Reference, source: Source) -> Target:
        if reference.digest:
            raise UsageError(f"{reference.familiar} has a digest: a copy gets a tag", hint="write NAME:TAG")
        repository = self.registries.repository(reference)
        domain = repository.registry.domain
        same = isinstance(source, MirroredSource) and source.repository.registry.domain == domain
        known = Mounts(origins(self.store), domain, repository.name)

        def others(blob: Descriptor) -> tuple[str, ...]:
            # A blob of the same registry needn't travel at all.
            first = (source.repository.name,) if same and isinstance(source, MirroredSource) else ()
            return tuple(dict.fromkeys(name for name in (*first, *known(blob)) if name != repository.name))

        sessions = Sessions(self.store.cache_folder / "uploads" if self.store.cache_folder.is_dir() else None)
        return RepositoryTarget(repository, reference.tag, sessions, others)

    @contextlib.contextmanager
    def _archive(self, target: Location, origin: Location, tree: Tree) -> Iterator[Target]:
        """An archive is written when all is there: by way of a layout beside it."""
        if tree.root.descriptor.media_type in INDEXES:
            raise UnsupportedError(
                "an archive holds the image of one platform", hint="--platform chooses one; oci:FOLDER holds them all"
            )
        path = Path(target.path)
        is_oci = target.kind is Kind.OCI_ARCHIVE
        references = _target_names(target) if target.name else _own_name(origin)
        durable.replaceable(path)
        with scratch_layout(path) as layout:
            yield LayoutTarget(layout, lambda _: None, None, is_named=lambda _: False)
            artifacts = layout.index().manifests
            write_archive(layout, tree.root.descriptor, references, path, target.name if is_oci else "", artifacts)


def _target_names(target: Location) -> tuple[Reference, ...]:
    """The name in docker's spelling; OCI's index may have one that docker couldn't."""
    try:
        return (target.reference,)
    except UsageError:
        if target.kind is Kind.OCI_ARCHIVE:
            return ()
        raise


def _own_name(origin: Location) -> tuple[Reference, ...]:
    if origin.kind in {Kind.REGISTRY, Kind.STORE}:
        with contextlib.suppress(UsageError):
            reference = origin.reference
            return (reference,) if reference.tag else ()
    return ()


def _namer(layout: Layout, name: str) -> Callable[[Descriptor], object]:
    """Lets a layout's index lead to the root: by its name as it was given, else by its digest alone."""

    def put(descriptor: Descriptor) -> None:
        plain = Descriptor(descriptor.media_type, descriptor.digest, descriptor.size)
        annotations = ((REF_NAME, name),) if name else ()
        with contextlib.suppress(UsageError):
            if name:
                annotations = ((CONTAINERD_NAME, str(parse_reference(name))), *annotations)
        entry = replace(plain, annotations=annotations)

        def change(manifests: tuple[Descriptor, ...]) -> tuple[Descriptor, ...]:
            kept = tuple(item for item in manifests if not _replaced(item, entry, name))
            return (*kept, entry)

        layout.edit_index(change)

    return put


def _replaced(item: Descriptor, entry: Descriptor, name: str) -> bool:
    """Whether an entry gives way: one of the same name, or, without a name, of the same image."""
    named = item.annotation(REF_NAME)
    return named == name if name else (named is None and item.digest == entry.digest)


class ArchivedSource(LayoutSource):
    """An archive's image, in the store's layout by now, with what came with it."""

    def __init__(self, layout: Layout, adopted_image: Adopted) -> None:
        super().__init__(layout, adopted_image.image.descriptor)
        self._attached = adopted_image.attached

    def attached_to(self, digest: str) -> tuple[Descriptor, ...]:
        """What of that refers to a manifest."""
        return tuple(artifact for subject, artifact in self._attached if subject == digest)


def _only(every: tuple[Adopted, ...], origin: Location) -> Adopted:
    """The image of an archive that is meant: by one of its names in whatever spelling, or because it is the only one."""
    images = [one.image for one in every]
    found = [
        one
        for one, image in zip(every, images, strict=True)
        if not origin.name or is_among((*image.short, *image.references), origin.name)
    ]
    if len(found) == 1:
        return found[0]
    several = "more than one" if found else "no"
    names = [name for image in images for name in image.short or [known.familiar for known in image.references]]
    raise NotFoundError(
        f"{origin.path} has {several} image {origin.name}".rstrip(),
        hint=f"name one of them: {', '.join(names)}" if names else None,
    )


def _chunks(path: str) -> Iterator[bytes]:
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except FileNotFoundError:
        raise NotFoundError(f"there is no {path}", hint="check its spelling") from None
    except IsADirectoryError:
        raise NotFoundError(f"{path} is a folder, not an archive", hint=f"a layout in it is oci:{path}") from None
