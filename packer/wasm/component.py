"""A WebAssembly component's outermost imports and exports, and the modules in it. Pure.

Component model specification, Binary.md. What stands behind an import's or export's type isn't read: names say enough.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from whit.packer.wasm.contents import Contents
from whit.packer.wasm.customs import read_custom
from whit.packer.wasm.module import HEADER_SIZE, entries, read_module, sections

if TYPE_CHECKING:
    from whit.packer.support.search import Data
    from whit.packer.wasm.reader import Reader


class SectionId(IntEnum):
    """Component sections, those that are read."""

    CUSTOM = 0
    CORE_MODULE = 1
    COMPONENT = 4
    IMPORT = 10
    EXPORT = 11


MAX_DEPTH = 8
"""Components in components that are looked into; composing tools nest two or three deep."""


def read_component(data: Data) -> Contents:
    """Read the component that ``data`` is; producers, memory, features and data are those of the modules in it."""
    return _read(data, HEADER_SIZE, len(data), MAX_DEPTH)


def _read(data: Data, start: int, end: int, depth: int) -> Contents:
    contents = Contents()
    for kind, reader in sections(data, start, end):
        if kind == SectionId.CUSTOM:
            read_custom(contents, reader)
        elif kind == SectionId.CORE_MODULE and reader.end - reader.at >= HEADER_SIZE:
            _take(contents, read_module(data, reader.at + HEADER_SIZE, reader.end))
        elif kind == SectionId.COMPONENT and depth and reader.end - reader.at >= HEADER_SIZE:
            _take(contents, _read(data, reader.at + HEADER_SIZE, reader.end, depth - 1))
        elif kind == SectionId.IMPORT:
            _read_imports(contents, reader)
        elif kind == SectionId.EXPORT:
            _read_exports(contents, reader)
    return contents


def _take(contents: Contents, inner: Contents) -> None:
    """What stands in a component is the component's, but for what it imports and exports."""
    contents.memory = contents.memory or inner.memory
    contents.modules += inner.modules
    contents.producers += inner.producers
    contents.data += inner.data
    contents.features |= inner.features
    for name, span in inner.customs.items():
        contents.customs.setdefault(name, span)


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
