"""A WebAssembly core module's sections: imports, exports, memory, producers (core specification, 5.5). Pure.

The producers section is the tool conventions' (ProducersSection.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError
from whit.packer.wasm.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.support.search import Data, Span

HEADER_SIZE = 8
MAX_SECTIONS = 100_000
MAX_PRODUCERS = 64
MAX_ENTRIES = 100_000
"""Imports or exports that engines take (WebAssembly JavaScript Interface, Implementation-defined limits)."""


class SectionId(IntEnum):
    """Core sections, those that are read."""

    CUSTOM = 0
    IMPORT = 2
    MEMORY = 5
    EXPORT = 7
    DATA = 11


_LAST_SECTION = 13
_HAS_MAXIMUM, _IS_64, _HAS_PAGE_SIZE = 1, 4, 8
_TYPED_REFERENCES = (0x63, 0x64)


@dataclass(frozen=True, slots=True)
class Producer:
    """One entry of the producers section: ``role`` is language, processed-by or sdk; ``offset`` is in the file."""

    role: str
    name: str
    version: str
    offset: int


@dataclass(slots=True)
class Contents:
    """What was read of a module or component, filled section by section."""

    imports: list[str] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)
    memory: tuple[int, int | None] | None = None
    producers: list[Producer] = field(default_factory=list)
    customs: dict[str, Span] = field(default_factory=dict)
    data: list[Span] = field(default_factory=list)


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
    contents = Contents()
    for kind, reader in sections(data, start, end):
        if kind > _LAST_SECTION:
            raise InvalidFileError(
                f"not a valid WebAssembly file: a section of unknown kind {kind} at byte {reader.at}"
            )
        if kind == SectionId.CUSTOM:
            read_custom(contents, reader)
        elif kind == SectionId.IMPORT:
            _read_imports(contents, reader)
        elif kind == SectionId.MEMORY:
            for _ in range(reader.count()):
                limits = _limits(reader)
                contents.memory = contents.memory or limits
        elif kind == SectionId.EXPORT:
            _read_exports(contents, reader)
        elif kind == SectionId.DATA:
            contents.data.append((reader.at, reader.end))
    return contents


def read_custom(contents: Contents, reader: Reader) -> None:
    """A custom section: its name and, for producers, what it says. A broken one means nothing, as for engines."""
    name = reader.name()
    contents.customs.setdefault(name, (reader.at, reader.end))
    if name != "producers":
        return
    try:
        for _ in range(min(reader.count(), MAX_PRODUCERS)):
            role = reader.name()
            for _ in range(min(reader.count(), MAX_PRODUCERS)):
                offset = reader.at
                contents.producers.append(Producer(role, reader.name(), reader.name(), offset))
    except InvalidFileError:
        return


def entries(reader: Reader, what: str) -> range:
    """A loop over a vector of imports or exports, no longer than engines take."""
    count = reader.count()
    if count > MAX_ENTRIES:
        raise InvalidFileError(f"not a valid WebAssembly file: {count} {what}, more than engines take")
    return range(count)


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
            limits = _limits(reader)
            contents.memory = contents.memory or limits
        elif kind == 3:  # noqa: PLR2004 - a global
            _value_type(reader)
            reader.byte()
        elif kind == 4:  # noqa: PLR2004 - a tag
            reader.byte()
            reader.number()
        else:
            raise InvalidFileError(f"not a valid WebAssembly file: an import of unknown kind {kind}")


def _read_exports(contents: Contents, reader: Reader) -> None:
    for _ in entries(reader, "exports"):
        contents.exports.append(reader.name())
        reader.byte()
        reader.number()


def _value_type(reader: Reader) -> None:
    if reader.byte() in _TYPED_REFERENCES:
        reader.signed()


def _limits(reader: Reader) -> tuple[int, int | None]:
    """Minimum and maximum, in pages for a memory."""
    flags = reader.byte()
    bits = 64 if flags & _IS_64 else 32
    minimum = reader.number(bits)
    maximum = reader.number(bits) if flags & _HAS_MAXIMUM else None
    if flags & _HAS_PAGE_SIZE:
        reader.number()
    return minimum, maximum
