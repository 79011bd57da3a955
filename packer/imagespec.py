"""What an image will be, before a byte of it is written: entries, configuration, annotations. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.packer.platform import Platform

NONROOT_ID = 65532
"""The user and group that an image runs as unless told otherwise (distroless' ``nonroot``)."""


class EntryKind(StrEnum):
    """The kinds of file that whit itself puts into an image."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"


@dataclass(frozen=True, slots=True)
class HostFile:
    """Content that is read from the host when the layer is written.

    ``identity`` is (device, inode, size in bytes, mtime in ns) as seen when the file was decided on: a file that
    changed in between is an error, not a surprise.
    """

    path: str
    size: int
    identity: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Inline:
    """Content that whit itself wrote."""

    data: bytes

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, directory or link in the image. ``path`` is absolute and normal; ``reason`` is for people."""

    path: str
    kind: EntryKind
    mode: int
    reason: str
    uid: int = 0
    gid: int = 0
    content: HostFile | Inline | None = None
    target: str | None = None

    @property
    def size(self) -> int:
        """Bytes of content; 0 for directories and links."""
        return self.content.size if self.content else 0


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """One layer-to-be: ``created_by`` goes into the image's history."""

    created_by: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How the image's program is run (OCI image-spec, ``config``)."""

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str | None = None


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """Everything about an image except bytes on disk. ``created`` is seconds since the epoch (SOURCE_DATE_EPOCH)."""

    platform: Platform
    layers: tuple[LayerSpec, ...]
    config: RunConfig
    annotations: tuple[tuple[str, str], ...] = ()
    created: int = 0
