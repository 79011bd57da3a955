"""An image's archive → an OCI layout in a folder: OCI's own form, or docker's (moby, image/spec: ``manifest.json``).

Members never choose where they are written: blobs by the digest in their name, which is checked when they are read,
everything else under a number.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from hashlib import file_digest
from typing import TYPE_CHECKING

from whit.packer.errors import InvalidFileError, UnsupportedError, UsageError
from whit.packer.jsondoc import parse_object
from whit.packer.layout import LAYOUT_FILE, Layout
from whit.packer.oci import (
    CONFIG,
    DOCKER_LAYER_GZIP,
    LAYER_TAR,
    MAX_DOCUMENT,
    Descriptor,
    Index,
    Manifest,
)
from whit.packer.tar.member import Kind, Member
from whit.packer.tar.read import TarReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from whit.packer.jsondoc import Doc

_INDEX_FILES = (LAYOUT_FILE, "index.json")
_DOCKER_MANIFEST = "manifest.json"
_MAX_SIZE = 64 << 30
_MAX_MEMBERS = 10_000
"""An image has some ten layers, docker's own archives three members for each."""

_GZIP_MAGIC = b"\x1f\x8b"


def unpack_archive(archive: Path, folder: Path) -> Layout:
    """The image or images of an archive, in a folder that is empty.

    Raises UnsupportedError for an archive of something else, InvalidFileError for one that is damaged.
    """
    layout = Layout(folder)
    layout.blob_folder.mkdir(parents=True)
    (folder / "members").mkdir()
    found = _Members(layout)
    with archive.open("rb") as file:
        tar = TarReader(iter(lambda: file.read(1 << 20), b""))
        for count, member in enumerate(tar.members()):
            if count >= _MAX_MEMBERS:
                raise InvalidFileError(f"{archive}: the archive has more than {_MAX_MEMBERS} members")
            found.take(member, tar)
    if not layout.index_path.exists():
        if _DOCKER_MANIFEST not in found.files:
            raise UnsupportedError(
                f"{archive}: a tar archive, but not of an image",
                hint="docker save, podman save and whit pack -o FILE.tar write such",
            )
        found.as_layout(archive)
    return layout


@dataclass(slots=True)
class _Members:
    """What was in the archive: files by name, and links by name → target."""

    layout: Layout
    files: dict[str, Path] = field(default_factory=dict)
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
            target = self._place(name)
            with target.open("wb") as copy:
                copy.writelines(tar.content())
            self.files[name] = target

    def _place(self, name: str) -> Path:
        if name in _INDEX_FILES:
            return self.layout.folder / name
        folder, _, digest = name.rpartition("/")
        if folder == "blobs/sha256" and len(digest) == 64 and not digest.strip("0123456789abcdef"):  # noqa: PLR2004
            return self.layout.blob_folder / digest
        return self.layout.folder / "members" / str(len(self.files))

    def as_layout(self, archive: Path) -> None:
        """Make docker's archive into a layout: its files become blobs, its manifest an OCI one."""
        image = self._docker_image(archive)
        config = self._blob(image.text("Config"), CONFIG)
        layers = tuple(self._layer(name) for name in image.texts("Layers"))
        manifest = self.layout.put(Manifest(config, layers).to_json(), Manifest(config).media_type)
        self.layout.index_path.write_bytes(Index((manifest,)).to_json())

    def _docker_image(self, archive: Path) -> Doc:
        path = self.files[_DOCKER_MANIFEST]
        if path.stat().st_size > MAX_DOCUMENT:
            raise InvalidFileError(f"{archive}: its manifest is too large")
        # It is a list, and only objects are read.
        images = parse_object(b'{"images":%b}' % path.read_bytes(), f"{archive}: {_DOCKER_MANIFEST}", MAX_DOCUMENT)
        found = tuple(images.docs("images"))
        if len(found) != 1:
            raise UsageError(f"{archive} holds {len(found)} images, and lint reads one", hint="save one by itself")
        return found[0]

    def _layer(self, name: str) -> Descriptor:
        with self._file(name).open("rb") as file:
            compressed = file.read(2) == _GZIP_MAGIC
        return self._blob(name, DOCKER_LAYER_GZIP if compressed else LAYER_TAR)

    def _blob(self, name: str, media_type: str) -> Descriptor:
        """A member under its digest; one may be named more than once."""
        path = self._file(name)
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        target = self.layout.blob_path(digest)
        if not target.exists():
            target.hardlink_to(path)
        return Descriptor(media_type, f"sha256:{digest}", target.stat().st_size)

    def _file(self, name: str) -> Path:
        for step in self._steps(posixpath.normpath(name)):
            if step in self.files:
                return self.files[step]
        raise InvalidFileError(f"the archive lacks {name[:200]!r}, which its manifest names")

    def _steps(self, name: str) -> Iterator[str]:
        for _ in range(8):
            yield name
            name = self.links.get(name, name)


def _plain(name: bytes) -> str:
    return name.decode("utf-8", "replace").removeprefix("./")
