"""An archive of images → an OCI layout in a folder: OCI's own form, or docker's (moby, image/spec: ``manifest.json``).

Members never choose where they are written: blobs by the digest in their name, which is checked as they are written,
everything else under a number. The archive may itself be compressed, and come from a pipe.
"""

from __future__ import annotations

import contextlib
import posixpath
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.archives.archive import CONTAINERD_NAME
from whit.packer.image.decompress import media_type_of
from whit.packer.image.oci import (
    CONFIG,
    MAX_DOCUMENT,
    REF_NAME,
    Descriptor,
    Index,
    Manifest,
    parse_index,
    parse_manifest,
)
from whit.packer.image.reference import parse_reference
from whit.packer.store.layout import LAYOUT_FILE, Layout
from whit.packer.support.errors import InvalidFileError, UnsupportedError, UsageError
from whit.packer.support.jsondoc import parse_object
from whit.packer.tar.member import Kind, Member
from whit.packer.tar.read import TarReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from whit.packer.image.reference import Reference
    from whit.packer.support.jsondoc import Doc

_INDEX_FILES = (LAYOUT_FILE, "index.json")
_DOCKER_MANIFEST = "manifest.json"
_MAX_SIZE = 64 << 30
_MAX_NAMES = 1000
_MAX_MEMBERS = 10_000
"""An image has some ten layers, docker's own archives three members for each."""


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """One image of an archive: its manifest or index in the layout, and the names that it is to have.

    ``short`` are its names in OCI's index as they stand there: each may be a tag alone.
    """

    descriptor: Descriptor
    references: tuple[Reference, ...] = ()
    short: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An archive's images. ``is_docker``: their manifests are whit's, since docker's form has none of OCI's."""

    layout: Layout
    images: tuple[ArchivedImage, ...]
    is_docker: bool


def unpack_archive(chunks: Iterator[bytes], what: str, folder: Path) -> Unpacked:
    """The images of an archive, in a folder that is empty; ``what`` names it in errors.

    Raises UnsupportedError for an archive of something else, InvalidFileError for one that is damaged.
    """
    layout = Layout(folder)
    layout.blob_folder.mkdir(parents=True)
    (folder / "members").mkdir()
    found = _Members(layout)
    for count, member in enumerate((tar := TarReader(chunks)).members()):
        if count >= _MAX_MEMBERS:
            raise InvalidFileError(f"{what}: the archive has more than {_MAX_MEMBERS} members")
        found.take(member, tar)
    docker = tuple(found.docker_images(what)) if _DOCKER_MANIFEST in found.files else ()
    if layout.index_path.exists():
        parse_index(layout.index_path.read_bytes(), f"{what}: index.json")
        images = _checked(_named_images(layout, found, docker), what)
        return Unpacked(layout, images, is_docker=False)
    if not docker:
        raise UnsupportedError(
            f"{what}: a tar archive, but not of an image",
            hint="docker save, podman save and whit save write such; whit import takes a root file system",
        )
    images = _checked(tuple(found.as_image(doc) for doc in docker), what)
    layout.index_path.write_bytes(Index(tuple(image.descriptor for image in images)).to_json())
    return Unpacked(layout, images, is_docker=True)


def _checked(images: tuple[ArchivedImage, ...], what: str) -> tuple[ArchivedImage, ...]:
    """The images, if there are any and they don't have more names than anybody gives."""
    if not images:
        raise InvalidFileError(f"{what}: the archive holds no image")
    if sum(len(image.references) for image in images) > _MAX_NAMES:
        raise InvalidFileError(f"{what}: the archive has more than {_MAX_NAMES} names for its images")
    return images


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    digest: str
    size: int


@dataclass(slots=True)
class _Members:
    """What was in the archive: files by name, and links by name → target."""

    layout: Layout
    files: dict[str, _File] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    left: int = _MAX_SIZE

    def take(self, member: Member, tar: TarReader) -> None:
        """Write a member where it belongs."""
        name = _plain(member.name)
        self.left -= member.size
        if self.left < 0:
            raise InvalidFileError("the archive holds more than whit unpacks")
        if member.kind in (Kind.SYMLINK, Kind.HARD_LINK):
            base = posixpath.dirname(name) if member.kind is Kind.SYMLINK else ""
            self.links[name] = posixpath.normpath(posixpath.join(base, _plain(member.target)))
        elif member.kind is Kind.FILE:
            if name in _INDEX_FILES and member.size > MAX_DOCUMENT:
                raise InvalidFileError(f"the archive's {name} is larger than {MAX_DOCUMENT} bytes")
            digest = _blob_digest(name)
            target = self._place(name, digest)
            hashed = sha256()
            with target.open("wb") as copy:
                for piece in tar.content():
                    hashed.update(piece)
                    copy.write(piece)
            if digest and hashed.hexdigest() != digest:
                raise InvalidFileError(f"the archive is damaged: {name} isn't what its digest says")
            self.files[name] = _File(target, f"sha256:{hashed.hexdigest()}", member.size)

    def _place(self, name: str, digest: str | None) -> Path:
        if name in _INDEX_FILES:
            return self.layout.folder / name
        return self.layout.blob_folder / digest if digest else self.layout.folder / "members" / str(len(self.files))

    def docker_images(self, what: str) -> Iterator[Doc]:
        """What docker's manifest lists."""
        file = self.files[_DOCKER_MANIFEST]
        if file.size > MAX_DOCUMENT:
            raise InvalidFileError(f"{what}: its manifest is too large")
        # It is a list, and only objects are read.
        listed = b'{"images":%b}' % file.path.read_bytes()
        yield from parse_object(listed, f"{what}: {_DOCKER_MANIFEST}", MAX_DOCUMENT).docs("images")

    def as_image(self, doc: Doc) -> ArchivedImage:
        """One of docker's images: its files become blobs, and it gets a manifest."""
        config = self._blob(doc.text("Config"), CONFIG)
        layers = tuple(self._layer(name) for name in doc.texts("Layers"))
        manifest = Manifest(config, layers)
        return ArchivedImage(self.layout.put(manifest.to_json(), manifest.media_type), repo_tags(doc))

    def _layer(self, name: str) -> Descriptor:
        with self._file(name).path.open("rb") as file:
            return self._blob(name, media_type_of(file.read(8)))

    def _blob(self, name: str, media_type: str) -> Descriptor:
        """A member under its digest; one may be named more than once."""
        file = self._file(name)
        target = self.layout.blob_path(file.digest)
        if not target.exists():
            target.hardlink_to(file.path)
        return Descriptor(media_type, file.digest, file.size)

    def _file(self, name: str) -> _File:
        for step in self._steps(posixpath.normpath(name)):
            if step in self.files:
                return self.files[step]
        raise InvalidFileError(f"the archive lacks {name[:200]!r}, which its manifest names")

    def _steps(self, name: str) -> Iterator[str]:
        for _ in range(8):
            yield name
            name = self.links.get(name, name)

    def config_digest(self, name: str) -> str | None:
        """The digest of a configuration that docker's manifest names."""
        with contextlib.suppress(InvalidFileError):
            return self._file(name).digest
        return None


def _plain(name: bytes) -> str:
    return name.decode("utf-8", "replace").removeprefix("./")


def _blob_digest(name: str) -> str | None:
    """The digest that a blob's name in a layout says."""
    folder, _, digest = name.rpartition("/")
    named = folder == "blobs/sha256" and len(digest) == 64 and not digest.strip("0123456789abcdef")  # noqa: PLR2004
    return digest if named else None


def repo_tags(doc: Doc) -> tuple[Reference, ...]:
    """The names that docker's manifest gives an image."""
    return tuple(parse_reference(text) for text in doc.texts("RepoTags"))


def _named_images(layout: Layout, found: _Members, docker: tuple[Doc, ...]) -> tuple[ArchivedImage, ...]:
    """An index's images. Where it names none, docker's manifest beside it may."""
    by_config = {found.config_digest(doc.text("Config")): repo_tags(doc) for doc in docker}
    images: dict[str, ArchivedImage] = {}
    for item in layout.index().manifests:
        if item.artifact_type is not None:
            continue  # it tells of an image, and is none
        names = named_by(item)
        if not names and item.digest not in images:
            with contextlib.suppress(InvalidFileError):
                names = by_config.get(parse_manifest(layout.read(item)).config.digest, ())
        known = images.get(item.digest)
        references = (*known.references, *names) if known else names
        short = (*(known.short if known else ()), *filter(None, (item.annotation(REF_NAME),)))
        images[item.digest] = ArchivedImage(item, tuple(dict.fromkeys(references)), short)
    return tuple(images.values())


def named_by(descriptor: Descriptor) -> tuple[Reference, ...]:
    """The name in an index's entry: containerd's whole one, else OCI's, which may be a tag without a name."""
    name = descriptor.annotation(CONTAINERD_NAME)
    if name is None:
        short = descriptor.annotation(REF_NAME) or ""
        name = short if any(mark in short for mark in "/:") else None
    with contextlib.suppress(UsageError):
        return (parse_reference(name),) if name else ()
    return ()
