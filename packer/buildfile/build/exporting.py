"""``--output``: a build's image as an archive or a layout, or its files alone."""

from __future__ import annotations

import contextlib
import csv
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.support.light import dataclass, replace
from whit.packer.archives import archive
from whit.packer.buildfile.dockerfile.text import truth

from whit.packer.support import durable
from whit.packer.showing.console import put_bytes
from whit.packer.support.errors import UsageError
from whit.packer.support.userns import few_users
from whit.packer.tar.read import TarReader
from whit.packer.tar.tree import TreeReader
from whit.packer.tar.write import END
from whit.packer.store.unpack import Limits, Unpacker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from whit.packer.image.oci import Descriptor
    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.store.store import Store
    from whit.packer.tar.member import Member

_NO_LIMITS = 1 << 40, 1 << 60
_SECOND = 1_000_000_000
_STDOUT = "-"
_OWN = 0, 0
"""Who isn't root has the files as their own: in a user namespace its root's."""


class OutputKind(StrEnum):
    """Docker's words for what is written."""

    IMAGE = "image"
    OCI = "oci"
    DOCKER = "docker"
    LOCAL = "local"
    TAR = "tar"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True)
class Output:
    """What is written where; ``to_layout`` for a folder with an OCI image layout. ``names`` are more names, ``pushes`` them."""

    kind: OutputKind
    destination: str
    to_layout: bool = False
    names: tuple[str, ...] = ()
    pushes: bool = False

    @property
    def is_image(self) -> bool:
        """Whether it is an image, not its files alone."""
        return self.kind not in (OutputKind.LOCAL, OutputKind.TAR)

    @property
    def is_written(self) -> bool:
        """Whether it is anywhere but in the store."""
        return self.kind not in (OutputKind.IMAGE, OutputKind.REGISTRY)


def parse_output(text: str) -> Output:
    """``type=local,dest=out``; a path alone is a layout or an archive, as for ``whit pack``. Raises :class:`UsageError`."""
    if "=" not in text:
        if text == _STDOUT:
            return Output(OutputKind.TAR, text)
        return Output(OutputKind.OCI, text, archive.is_layout_target(text, Path(text).absolute()))
    fields = dict(field.partition("=")[::2] for field in next(csv.reader([text])))
    kind, destination = fields.pop("type", ""), fields.pop("dest", "")
    names = tuple(filter(None, fields.pop("name", "").split(",")))
    pushes = truth(fields.pop("push", "false"))
    if fields or kind not in tuple(OutputKind) or pushes is None:
        raise UsageError(f"--output {text}", hint=f"type= is one of {', '.join(OutputKind)}, dest= a path")
    made = Output(OutputKind(kind), destination, names=names, pushes=pushes or kind == OutputKind.REGISTRY)
    if made.is_written is not bool(destination):
        words = "is missing" if made.is_written else "isn't for it"
        raise UsageError(f"--output {text}: dest= {words}", hint=f"type={kind}{',dest=PATH' if made.is_written else ''}")
    if made.pushes and made.is_written:
        raise UsageError(f"--output {text}: what is written isn't pushed", hint="type=registry, or --push")
    return made


def export_image(store: Store, descriptor: Descriptor, names: tuple[Reference, ...], output: Output) -> None:
    """Write an archive that is an OCI layout and docker's format at once, or a layout. Raises :class:`StoreError`."""
    target = Path(output.destination).absolute()
    with store.adding() as layout:
        archive.export(layout, descriptor, names, target, to_layout=output.to_layout)


def export_files(roots: Sequence[tuple[Platform, int]], output: Output, seconds: int) -> None:
    """Write the files of roots: into a folder, or as a tar; of several each in a folder for its platform, of a time in seconds.

    Raises :class:`StoreError`.
    """
    chunks = _tar(roots, seconds)
    if output.kind is OutputKind.LOCAL:
        with durable.output_errors(output.destination):
            Path(output.destination).mkdir(parents=True, exist_ok=True)
            owner = (lambda *_: _OWN) if few_users() else None
            with Unpacker(Path(output.destination), Limits(*_NO_LIMITS), is_layer=False, owner=owner) as unpacker:
                unpacker.layer(TarReader(chunks))
                unpacker.finish()
        return
    with durable.output_errors(output.destination), _written(output.destination) as write:
        for chunk in chunks:
            write(chunk)


def _tar(roots: Sequence[tuple[Platform, int]], seconds: int) -> Iterator[bytes]:
    """All of them as one; folders are called as BuildKit calls them."""
    several = len(roots) > 1

    def dated(member: Member) -> Member:
        """A platform's folder has the time that all has which the build brings."""
        return replace(member, mtime_ns=seconds * _SECOND) if several and b"/" not in member.name.rstrip(b"/") else member

    for platform, root in roots:
        name = str(platform).replace("/", "_").encode() if several else b""
        yield from (chunk for chunk in TreeReader(change=dated, recorded=few_users()).tar(root, name) if chunk is not END)
    yield END


@contextlib.contextmanager
def _written(destination: str) -> Iterator[Callable[[bytes], object]]:
    if destination == _STDOUT:
        if os.isatty(sys.stdout.fileno()):
            raise UsageError("a tar isn't written to a terminal", hint="--output type=tar,dest=FILE")
        yield put_bytes
        return
    with durable.atomic_file(Path(destination), private=False) as file:
        yield lambda chunk: durable.write_all(file, chunk)
