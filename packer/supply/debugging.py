"""Debug information that is attached to an image, and where debuggers look for it (GDB's manual, "Debugging Information in Separate Files")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.elf.buildid import id_span
from whit.packer.elf.file import parse
from whit.packer.image.oci import parse_manifest
from whit.packer.supply.attaching import plain
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from whit.packer.image.oci import Descriptor
    from whit.packer.supply.places import Place

ARTIFACT = "application/vnd.whit.debug.v1"
"""The artifact's type: one file, of :data:`ELF`."""

ELF = "application/x-elf"
BUILD_ID = "dev.whit.build-id"
_TITLE = "org.opencontainers.image.title"
_SHARD = 2


def annotations_of(name: str, build_id: bytes) -> tuple[tuple[str, str], ...]:
    """For the artifact of a program."""
    return ((BUILD_ID, build_id.hex()), (_TITLE, f"{name}.debug"))


def write_debug_files(place: Place, found: Iterable[Descriptor], folder: Path) -> tuple[str, ...]:
    """Write all debug information among what is attached; the paths below the folder, ``.build-id/XX/REST.debug``.

    The names come from the files themselves. Raises :class:`NotFoundError` where there is none, :class:`InvalidFileError`.
    """
    written = []
    for item in found:
        if item.artifact_type != ARTIFACT:
            continue
        for layer in parse_manifest(place.document(plain(item))).layers:
            data = place.blob(layer)
            elf = parse(data)
            span = id_span(elf)
            if span is None:
                raise InvalidFileError(f"the debug information {layer.digest} has no build ID")
            identity = data[slice(*span)].hex()
            name = f".build-id/{identity[:_SHARD]}/{identity[_SHARD:]}.debug"
            target = folder / name
            with durable.output_errors(str(target)):
                target.parent.mkdir(parents=True, exist_ok=True)
                durable.write_whole(target, data, private=False)
            written.append(name)
    if not written:
        raise NotFoundError("no debug information is attached to it", hint="'whit build --split-debug' attaches it")
    return tuple(dict.fromkeys(written))
