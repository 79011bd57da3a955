"""``--output``: a build's image as an archive or a layout, or its files alone."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.archives import archive

from whit.packer.support import durable
from whit.packer.showing.console import put_bytes
from whit.packer.support.errors import UsageError
from whit.packer.support.userns import few_users
from whit.packer.tar.read import TarReader
from whit.packer.tar.tree import TreeReader
from whit.packer.store.unpack import Limits, Unpacker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.image.oci import Descriptor
    from whit.packer.image.reference import Reference
    from whit.packer.store.store import Store

_NO_LIMITS = 1 << 40, 1 << 60
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


@dataclass(frozen=True, slots=True)
class Output:
    """What is written where; ``to_layout`` for a folder with an OCI image layout."""

    kind: OutputKind
    destination: str
    to_layout: bool = False

    @property
    def is_image(self) -> bool:
        """Whether it is an image, not its files alone."""
        return self.kind not in (OutputKind.LOCAL, OutputKind.TAR)


def parse_output(text: str) -> Output | None:
    """``type=local,dest=out``; a path alone is a layout or an archive, as for ``whit pack``; None: the store alone."""
    if "=" not in text:
        if text == _STDOUT:
            return Output(OutputKind.TAR, text)
        return Output(OutputKind.OCI, text, archive.is_layout_target(text, Path(text).absolute()))
    fields = dict(field.partition("=")[::2] for field in text.split(","))
    kind, destination = fields.pop("type", ""), fields.pop("dest", "")
    if fields or kind not in tuple(OutputKind):
        raise UsageError(f"--output {text}", hint=f"type= is one of {', '.join(OutputKind)}, dest= a path")
    if kind == OutputKind.IMAGE:
        return None
    if not destination:
        raise UsageError(f"--output {text}: dest= is missing", hint=f"type={kind},dest=PATH")
    return Output(OutputKind(kind), destination)


def export_image(store: Store, descriptor: Descriptor, names: tuple[Reference, ...], output: Output) -> None:
    """Write an archive that is an OCI layout and docker's format at once, or a layout. Raises :class:`StoreError`."""
    target = Path(output.destination).absolute()
    with store.adding() as layout:
        archive.export(layout, descriptor, names, target, to_layout=output.to_layout)


def export_files(root: int, output: Output) -> None:
    """Write the files of a root: into a folder, or as a tar. Raises :class:`StoreError`."""
    chunks = TreeReader(recorded=few_users()).tar(root, b"")
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


@contextlib.contextmanager
def _written(destination: str) -> Iterator[Callable[[bytes], object]]:
    if destination == _STDOUT:
        if os.isatty(sys.stdout.fileno()):
            raise UsageError("a tar isn't written to a terminal", hint="--output type=tar,dest=FILE")
        yield put_bytes
        return
    with durable.atomic_file(Path(destination), private=False) as file:
        yield lambda chunk: durable.write_all(file, chunk)
