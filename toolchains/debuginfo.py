"""Debug information beside an image: an artifact for each of its programs, attached to it (docs/toolchains.md, "Debug information")."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.elf.debugfile import debug_file
from whit.packer.supply.attaching import attach_document, plain
from whit.packer.supply.debugging import ARTIFACT, ELF, annotations_of
from whit.packer.support.errors import UnsupportedError

if TYPE_CHECKING:
    from whit.packer.elf.debugfile import DebugFile
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.platform import Platform
    from whit.packer.store.store import Store
    from whit.toolchains.building import Built
    from whit.toolchains.cache import Made


def separated(made: Made, full: Made, platform: Platform) -> tuple[tuple[str, DebugFile], ...]:
    """(program, its debug information) of programs and the same with it. Raises :class:`UnsupportedError` where they aren't the same."""
    found = []
    for name, path, full_path in zip(made.names, made.files, full.files, strict=True):
        try:
            found.append((name, debug_file(Path(path).read_bytes(), Path(full_path).read_bytes())))
        except UnsupportedError as error:
            told = f"{name} for {platform} has no debug information beside it: {error.message}"
            raise UnsupportedError(told, hint=error.hint) from None
    return tuple(found)


def attach_debug_information(store: Store, built: Built) -> tuple[Descriptor, ...]:
    """Attach what there is to each platform's image; the artifacts."""
    return tuple(
        attach_document(
            store, plain(image.record.manifest), file.data, ELF,
            artifact_type=ARTIFACT, annotations=annotations_of(name, file.build_id),
        )
        for image in built.images
        for name, file in image.debug
    )  # fmt: skip
