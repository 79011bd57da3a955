"""The store: images by name on this machine. docs/store.md says what is on disk and which locks there are.

    ROOT/images/           an OCI image layout, see layout.py
    ROOT/rootfs/KEY/       an image's files, unpacked once; KEY.lock is held shared by every container that uses them
    ROOT/cache/            answers that can be worked out again
    ROOT/lock              held shared by whoever adds, exclusively by whoever collects garbage

Reading needs no lock: blobs never change, and the index is replaced as a whole.
"""

from __future__ import annotations

import contextlib
import errno
import os

from whit.packer.image.oci import (
    INDEXES,
    REF_NAME,
    Descriptor,
    ImageConfig,
    Manifest,
    parse_index,
    parse_manifest,
    read_config,
)
from whit.packer.image.platform import machine_platform, nearest
from whit.packer.image.reference import Reference, hex_id, parse_reference
from whit.packer.store.layout import REPACK, Layout
from whit.packer.store.places import private_root
from whit.packer.support import durable
from whit.packer.support.counting import counted
from whit.packer.support.errors import InvalidFileError, NotFoundError, StoreError, UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from whit.packer.image.platform import Platform


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in the store. ``descriptor`` is its manifest's; ``reference`` is None when it was found by digest."""

    reference: Reference | None
    descriptor: Descriptor
    manifest: Manifest
    config: ImageConfig

    @property
    def digest(self) -> str:
        """The manifest's digest: what names the image on a registry."""
        return self.descriptor.digest

    @property
    def image_id(self) -> str:
        """The configuration's digest: what docker and podman call the image's ID."""
        return self.manifest.config.digest

    @property
    def platform(self) -> Platform:
        """What the image's program runs on."""
        return self.config.platform

    @property
    def size(self) -> int:
        """Bytes in the store: manifest, configuration and compressed layers."""
        return self.descriptor.size + sum(blob.size for blob in self.manifest.blobs)


@dataclass(frozen=True, slots=True)
class Removed:
    """What ``remove`` did: names that are gone, and image IDs that nothing names any more."""

    untagged: tuple[str, ...]
    deleted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Store:
    """The store in a folder. Making one touches nothing; the folder is made by the first write."""

    root: Path

    @classmethod
    def open(cls, root: Path | None = None) -> Store:
        """The store in ``root``, or in the default place. Raises :class:`StoreError` if others could change it."""
        return cls(private_root(root))

    @property
    def layout(self) -> Layout:
        """The images."""
        return Layout(self.root / "images")

    @property
    def index_path(self) -> Path:
        """The file whose device, inode, size and mtime guard every answer that was derived from a name."""
        return self.layout.index_path

    @property
    def rootfs_folder(self) -> Path:
        """Where images are unpacked."""
        return self.root / "rootfs"

    @property
    def cache_folder(self) -> Path:
        """Answers that can be worked out again; each kind has a folder in it."""
        return self.root / "cache"

    @property
    def lock_path(self) -> Path:
        """Held shared by whoever adds, exclusively by whoever collects garbage."""
        return self.root / "lock"

    @contextlib.contextmanager
    def adding(self) -> Iterator[Layout]:
        """The right to add blobs and names: until the block ends nothing that is there gets collected."""
        with durable.store_errors(f"write to the store {self.root}"):
            durable.private_folder(self.root)
            for folder in (self.layout.folder, self.rootfs_folder, self.cache_folder):
                durable.private_folder(folder)
            with durable.locked(self.lock_path, exclusive=False):
                self.layout.create()
                yield self.layout

    @contextlib.contextmanager
    def reading(self) -> Iterator[Layout]:
        """As :meth:`adding`, for who only reads: from a file system that is read-only nobody collects, and no lock is needed."""
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self.adding())
            except StoreError as error:
                if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.EROFS:
                    raise
            yield self.layout

    def add(self, descriptor: Descriptor, references: tuple[Reference, ...]) -> bool:
        """Let names point to a manifest whose blobs are there; whatever had them loses them.

        To be called within :meth:`adding`. Returns whether that changed anything.
        """
        if any(reference.familiar_name == "sha256" for reference in references):
            raise UsageError(
                "an image can't be named sha256: it would be taken for a digest", hint="choose another name"
            )
        image = self.image(descriptor)
        for blob in image.manifest.blobs:
            if not self.layout.has(blob):
                raise StoreError(f"blob {blob.digest} is missing from {self.layout.folder}", hint=REPACK)
        # An index is of no one platform.
        platform = None if descriptor.media_type in INDEXES else image.platform
        plain = Descriptor(descriptor.media_type, descriptor.digest, descriptor.size, platform=platform)
        named = {str(reference): _named(plain, reference) for reference in references}
        new: list[Reference] = []

        def change(manifests: tuple[Descriptor, ...]) -> tuple[Descriptor, ...]:
            new[:] = (reference for reference in references if named[str(reference)] not in manifests)
            kept = tuple(item for item in manifests if named.get(_name_of(item) or "", item) == item)
            return (*kept, *(item for item in named.values() if item not in kept))

        changed = self.layout.edit_index(change)
        for reference in new:
            self.happened(image.image_id, "tag", reference.familiar)
        return changed

    def happened(self, image_id: str, action: str, name: str) -> None:
        """Tell whoever watches (``whit events``) what became of an image."""
        from whit.packer.store.eventlog import image_event  # noqa: PLC0415 - only where something has changed

        image_event(self.root, image_id, action, name)

    def keep(self, descriptor: Descriptor, reference: Reference | None) -> None:
        """Add an image under a name, or under none. To be called within :meth:`adding`."""
        if reference:
            self.add(descriptor, (reference,))
            return
        plain = replace(descriptor, annotations=(), platform=self.image(descriptor).platform)
        self.layout.edit_index(lambda items: items if plain in items else (*items, plain))

    def tag(self, source: str, target: Reference) -> StoredImage:
        """Give an image one more name. Raises :class:`NotFoundError`."""
        with self.adding():
            descriptor = self.entry(source)
            self.add(descriptor, (target,))
        return self.image(descriptor, target)

    def remove(self, text: str, *, force: bool = False) -> Removed:
        """Take away one name, or by digest or ID the image with all its names (more than one only by ``force``).

        Its blobs go with the next collection of garbage. Raises :class:`NotFoundError`.
        """
        with self.adding() as layout:
            gone = self._matching(text)
            named = [item for item in gone if _name_of(item)]
            if len(named) > 1 and not force:
                names = ", ".join(map(_familiar, named))
                raise UsageError(
                    f"image {text} has several names: {names}", hint="remove it by --force, or each by name"
                )
            ids = {item.digest: self._id(item) for item in gone}
            layout.edit_index(lambda manifests: tuple(item for item in manifests if item not in gone))
            left = {item.digest for item in layout.index().manifests}
        deleted = tuple(image_id for digest, image_id in ids.items() if digest not in left)
        for item in named:
            self.happened(ids[item.digest], "untag", _familiar(item))
        for image_id in deleted:
            self.happened(image_id, "delete", image_id)
        return Removed(tuple(map(_familiar, named)), deleted)

    def _id(self, descriptor: Descriptor) -> str:
        """An image's ID; the manifest's digest where the image is damaged."""
        with contextlib.suppress(StoreError):
            return self.image(descriptor).image_id
        return descriptor.digest

    def entries(self) -> tuple[tuple[Reference | None, Descriptor], ...]:
        """Every entry of the index, in the order in which they were added."""
        with durable.store_errors(f"read the store {self.root}"):
            return tuple((_reference_of(item), item) for item in self.layout.index().manifests)

    def entry(self, text: str) -> Descriptor:
        """What a name, digest or ID points to: an image's manifest, or an index. Raises :class:`NotFoundError`."""
        return self._matching(text)[0]

    def list(self) -> tuple[StoredImage, ...]:
        """Every image under every name. Raises :class:`StoreError` when one is damaged."""
        return tuple(self.image(descriptor, reference) for reference, descriptor in self.entries())

    def image(
        self, descriptor: Descriptor, reference: Reference | None = None, platform: Platform | None = None
    ) -> StoredImage:
        """The image of a manifest, or of an index's manifest for a platform, this machine's unless it is given.

        Raises :class:`StoreError`.
        """
        with durable.store_errors(f"read the store {self.root}"):
            return read_image(self.layout, descriptor, reference, platform)

    def resolve(self, text: str, platform: Platform | None = None) -> StoredImage:
        """The image of a name (``latest`` where it has no tag), a digest, or the beginning of an image ID.

        Raises :class:`NotFoundError` with the nearest names, :class:`UsageError` for what can't be a name.
        """
        try:
            found = self._matching(text)[0]
        except NotFoundError as error:
            from whit.packer.executable.file import path_hint  # noqa: PLC0415 - only where something isn't found

            raise NotFoundError(error.message, hint=path_hint(text) or error.hint) from None
        return self.image(found, _reference_of(found), platform)

    def _matching(self, text: str) -> tuple[Descriptor, ...]:
        """The index's entries that a text means: one by name, or all of one image by digest or ID."""
        with durable.store_errors(f"read the store {self.root}"):
            manifests = self.layout.index().manifests
        full, digits = _full_name(text), hex_id(text)
        named = tuple(item for item in manifests if full and _name_of(item) == full)
        if named:
            return named[:1]
        _, _, digest = text.partition("@")
        if digest:
            wanted = parse_reference(text)
            same = (item for item in manifests if item.digest == wanted.digest)
            found = tuple(item for item in same if _is_of(item, wanted))
        else:
            found = tuple(item for item in manifests if digits and self._has_id(item, digits))
        if not found:
            raise self._not_found(text, manifests)
        if len({item.digest for item in found}) > 1:
            raise UsageError(f"{text} is the beginning of more than one image's ID", hint="give more digits")
        return found

    def _has_id(self, descriptor: Descriptor, digits: str) -> bool:
        return descriptor.hex.startswith(digits) or self._id(descriptor).removeprefix("sha256:").startswith(digits)

    def _not_found(self, text: str, manifests: tuple[Descriptor, ...]) -> NotFoundError:
        wanted = parse_reference(text).familiar
        names = list(dict.fromkeys(_familiar(item) for item in manifests if _name_of(item)))
        repositories = dict.fromkeys(_repository(name) for name in names)
        import difflib  # noqa: PLC0415 - of use for an error only

        # By repository: a tag that many have in common would make any name like any other.
        like = difflib.get_close_matches(_repository(wanted), repositories, n=3)
        named = [name for name in names if _repository(name) in like]
        near = difflib.get_close_matches(wanted, named, n=3) or named[:3]
        if near:
            hint = f"did you mean {' or '.join(near)}?"
        elif names:
            hint = "'whit images' lists what is there"
        else:
            hint = "the store is empty: 'whit pack FILE' makes an image"
        return NotFoundError(f"there is no image {text} in the store", hint=hint)


def _repository(familiar: str) -> str:
    return familiar.rpartition(":")[0] or familiar


def read_image(
    layout: Layout, descriptor: Descriptor, reference: Reference | None = None, platform: Platform | None = None
) -> StoredImage:
    """An image's documents out of any layout, the store's or another. Raises :class:`StoreError`."""
    data = layout.read(descriptor)
    try:
        if descriptor.media_type in INDEXES:
            descriptor = for_platform(parse_index(data).manifests, descriptor.digest, platform)
            data = layout.read(descriptor)
        manifest = parse_manifest(data)
    except InvalidFileError as error:
        raise StoreError(f"image {descriptor.digest}: {error.message}", hint=REPACK) from None
    return StoredImage(reference, descriptor, manifest, config_of(layout, descriptor, manifest))


def config_of(layout: Layout, descriptor: Descriptor, manifest: Manifest) -> ImageConfig:
    """The configuration of a manifest, whose descriptor is for errors. Raises :class:`StoreError` where it can't be that one's."""
    try:
        config = read_config(manifest, layout.read(manifest.config))
    except InvalidFileError as error:
        raise StoreError(f"image {descriptor.digest}: {error.message}", hint=REPACK) from None
    if len(config.diff_ids) != len(manifest.layers):
        raise StoreError(
            f"image {descriptor.digest} has {counted(len(manifest.layers), 'layer')} and {counted(len(config.diff_ids), 'diff_id')}"
        )
    return config


def _full_name(text: str) -> str | None:
    """A text's full form if it can be a name; an image ID with its ``sha256:`` can not."""
    try:
        return str(parse_reference(text))
    except UsageError:
        return None


def _name_of(descriptor: Descriptor) -> str | None:
    """The full name that an entry of the index stands under; other tools write short ones."""
    reference = _reference_of(descriptor)
    return str(reference) if reference else None


def _reference_of(descriptor: Descriptor) -> Reference | None:
    name = descriptor.annotation(REF_NAME)
    with contextlib.suppress(UsageError):
        return parse_reference(name) if name else None
    return None


def _familiar(descriptor: Descriptor) -> str:
    reference = _reference_of(descriptor)
    return reference.familiar if reference else descriptor.digest


def _is_of(descriptor: Descriptor, wanted: Reference) -> bool:
    """Whether an entry's name is of the repository that a digest reference names."""
    reference = _reference_of(descriptor)
    return reference is not None and reference.familiar_name == wanted.familiar_name


def _named(descriptor: Descriptor, reference: Reference) -> Descriptor:
    kept = tuple(pair for pair in descriptor.annotations if pair[0] != REF_NAME)
    return replace(descriptor, annotations=tuple(sorted((*kept, (REF_NAME, str(reference))))))


def for_platform(manifests: tuple[Descriptor, ...], digest: str, platform: Platform | None) -> Descriptor:
    """An index's manifest for a platform; for this machine's, where there is none, any other: it can be looked at."""
    wanted = platform or machine_platform(os.uname().machine)
    best = nearest(wanted, (item.platform for item in manifests))
    if best is not None:
        return manifests[best]
    images = [item for item in manifests if item.platform and item.platform.os != "unknown"]
    if images and platform is None:
        return images[0]
    raise StoreError(f"image {digest} has nothing for {wanted}")
