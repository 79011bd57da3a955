"""A WebAssembly core module's sections: imports, exports, memory, data, and what tells of features (core specification, 5.5). Pure."""

from __future__ import annotations

import contextlib
from enum import IntEnum
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError
from whit.packer.wasm.contents import Contents
from whit.packer.wasm.customs import read_custom
from whit.packer.wasm.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.support.search import Data

HEADER_SIZE = 8
MAX_SECTIONS = 100_000
MAX_ENTRIES = 100_000
"""Imports or exports that engines take (WebAssembly JavaScript Interface, Implementation-defined limits)."""


class SectionId(IntEnum):
    """Core sections, those that are read."""

    CUSTOM = 0
    TYPE = 1
    IMPORT = 2
    MEMORY = 5
    EXPORT = 7
    DATA = 11
    DATA_COUNT = 12
    TAG = 13


_LAST_SECTION = SectionId.TAG
_HAS_MAXIMUM, _IS_SHARED, _IS_64, _HAS_PAGE_SIZE = 1, 2, 4, 8
_FUNCTION_TYPE = 0x60
_VECTOR = 0x7B
_TYPED_REFERENCES = (0x63, 0x64)


def sections(data: Data, start: int, end: int) -> Iterator[tuple[int, Reader]]:
    """Each section's id and a reader over its contents; of core modules and of components alike."""
    reader = Reader(data, start, end)
    for _ in range(MAX_SECTIONS):
        if reader.at == end:
            return
        kind, size = reader.byte(), reader.number()
        at = reader.at
        reader.skip(size)
        yield kind, Reader(data, at, at + size)
    raise InvalidFileError(f"not a valid WebAssembly file: more than {MAX_SECTIONS} sections")


def read_module(data: Data, start: int, end: int) -> Contents:
    """Read the core module whose sections stand in [start, end)."""
    contents = Contents(modules=1)
    for kind, reader in sections(data, start, end):
        if kind > _LAST_SECTION:
            raise InvalidFileError(
                f"not a valid WebAssembly file: a section of unknown kind {kind} at byte {reader.at}"
            )
        read = _SECTIONS.get(kind)
        if read:
            read(contents, reader)
    return contents


def entries(reader: Reader, what: str) -> range:
    """A loop over a vector of imports or exports, no longer than engines take."""
    count = reader.count()
    if count > MAX_ENTRIES:
        raise InvalidFileError(f"not a valid WebAssembly file: {count} {what}, more than engines take")
    return range(count)


def _read_types(contents: Contents, reader: Reader) -> None:
    """What types of functions tell of features; up to the first type that is no function's, whose end only a full reader finds."""
    with contextlib.suppress(InvalidFileError):
        for _ in range(reader.count()):
            if reader.byte() != _FUNCTION_TYPE:
                contents.features.add("gc")
                return
            parameters, results = _value_types(reader), _value_types(reader)
            if len(results) > 1:
                contents.features.add("multivalue")
            if _VECTOR in (*parameters, *results):
                contents.features.add("simd128")


def _value_types(reader: Reader) -> list[int]:
    return [_value_type(reader) for _ in range(reader.count())]


def _memory(contents: Contents, reader: Reader) -> None:
    flags = reader.byte()
    limits = _bounds(reader, flags)
    contents.memory = contents.memory or limits
    contents.memories += 1
    known = (
        (flags & _IS_SHARED, "shared-memory"),
        (flags & _IS_64, "memory64"),
        (flags & _HAS_PAGE_SIZE, "custom-page-sizes"),
        (contents.memories > 1, "multimemory"),
    )
    contents.features.update(name for is_so, name in known if is_so)


def _read_imports(contents: Contents, reader: Reader) -> None:
    for _ in entries(reader, "imports"):
        contents.imports.append(f"{reader.name()}.{reader.name()}")
        kind = reader.byte()
        if kind == 0:
            reader.number()
        elif kind == 1:
            _value_type(reader)
            _limits(reader)
        elif kind == 2:  # noqa: PLR2004 - a memory
            _memory(contents, reader)
        elif kind == 3:  # noqa: PLR2004 - a global
            _value_type(reader)
            reader.byte()
        elif kind == 4:  # noqa: PLR2004 - a tag
            reader.byte()
            reader.number()
            contents.features.add("exception-handling")
        else:
            raise InvalidFileError(f"not a valid WebAssembly file: an import of unknown kind {kind}")


def _read_exports(contents: Contents, reader: Reader) -> None:
    for _ in entries(reader, "exports"):
        contents.exports.append(reader.name())
        if reader.byte() == 0:
            contents.functions.add(contents.exports[-1])
        reader.number()


def _value_type(reader: Reader) -> int:
    kind = reader.byte()
    if kind in _TYPED_REFERENCES:
        reader.signed()
    return kind


def _limits(reader: Reader) -> tuple[int, int | None]:
    """A table's minimum and maximum."""
    return _bounds(reader, reader.byte())


def _bounds(reader: Reader, flags: int) -> tuple[int, int | None]:
    """Minimum and maximum, in pages for a memory."""
    bits = 64 if flags & _IS_64 else 32
    minimum = reader.number(bits)
    maximum = reader.number(bits) if flags & _HAS_MAXIMUM else None
    if flags & _HAS_PAGE_SIZE:
        reader.number()
    return minimum, maximum


def _read_memories(contents: Contents, reader: Reader) -> None:
    for _ in range(reader.count()):
        _memory(contents, reader)


def _read_data(contents: Contents, reader: Reader) -> None:
    contents.data.append((reader.at, reader.end))


def _read_data_count(contents: Contents, _reader: Reader) -> None:
    contents.features.add("bulk-memory")


def _read_tags(contents: Contents, _reader: Reader) -> None:
    contents.features.add("exception-handling")


_SECTIONS: dict[int, Callable[[Contents, Reader], None]] = {
    SectionId.CUSTOM: read_custom,
    SectionId.TYPE: _read_types,
    SectionId.IMPORT: _read_imports,
    SectionId.MEMORY: _read_memories,
    SectionId.EXPORT: _read_exports,
    SectionId.DATA: _read_data,
    SectionId.DATA_COUNT: _read_data_count,
    SectionId.TAG: _read_tags,
}
