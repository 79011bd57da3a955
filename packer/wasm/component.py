"""A WebAssembly component's outermost imports and exports, and the modules in it. Pure.

Component model specification, Binary.md. What stands behind an import's or export's type isn't read: names say enough.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from whit.packer.wasm.module import HEADER_SIZE, Contents, entries, read_custom, read_module, sections

if TYPE_CHECKING:
    from whit.packer.support.search import Data
    from whit.packer.wasm.reader import Reader


class SectionId(IntEnum):
    """Component sections, those that are read."""

    CUSTOM = 0
    CORE_MODULE = 1
    IMPORT = 10
    EXPORT = 11


def read_component(data: Data) -> Contents:
    """Read the component that ``data`` is; producers, memory and data are those of the modules directly in it."""
    contents = Contents()
    for kind, reader in sections(data, HEADER_SIZE, len(data)):
        if kind == SectionId.CUSTOM:
            read_custom(contents, reader)
        elif kind == SectionId.CORE_MODULE and reader.end - reader.at >= HEADER_SIZE:
            module = read_module(data, reader.at + HEADER_SIZE, reader.end)
            contents.memory = contents.memory or module.memory
            contents.producers += module.producers
            contents.data += module.data
            for name, span in module.customs.items():
                contents.customs.setdefault(name, span)
        elif kind == SectionId.IMPORT:
            _read_imports(contents, reader)
        elif kind == SectionId.EXPORT:
            _read_exports(contents, reader)
    return contents


def _read_imports(contents: Contents, reader: Reader) -> None:
    for _ in entries(reader, "imports"):
        name = _name(reader)
        if name is None:
            return
        contents.imports.append(name)
        if not _skip_description(reader):
            return


def _read_exports(contents: Contents, reader: Reader) -> None:
    for _ in entries(reader, "exports"):
        name = _name(reader)
        if name is None:
            return
        contents.exports.append(name)
        if reader.byte() == 0:
            reader.byte()
        reader.number()
        if reader.byte() and not _skip_description(reader):
            return


def _name(reader: Reader) -> str | None:
    """An import's or export's name; None for a form that is newer than this reader."""
    return reader.name() if reader.byte() in (0, 1) else None


def _skip_description(reader: Reader) -> bool:
    """Move over an externdesc; False for one with a value type, whose end only a full reader finds."""
    kind = reader.byte()
    if kind == 0:
        reader.byte()
    elif kind == 2:  # noqa: PLR2004 - a value
        if reader.byte():
            return False
    elif kind == 3 and reader.byte():  # noqa: PLR2004 - a type bound by being a resource: no index follows
        return True
    reader.number()
    return True
