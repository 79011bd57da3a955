"""Where a WebAssembly file's bytes are: by section, custom ones by name; a component's modules by theirs. Pure.

Sections: core specification, 5.5; component model, Binary.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError
from whit.packer.wasm.reader import Reader

if TYPE_CHECKING:
    from whit.packer.report.tree import Sizes
    from whit.packer.support.search import Data

_HEADER = 8
_DEEPEST = 8
_MODULE = (
    *("custom", "types", "imports", "functions", "tables", "memories", "globals", "exports", "start", "elements"),
    *("code", "data", "count of data", "tags"),
)
_COMPONENT = (
    *("custom", "module", "instances", "types", "component", "instances", "aliases", "types", "canonical functions"),
    *("start", "imports", "exports", "values"),
)
_NESTED = ("module", "component")


def wasm_sizes(data: Data) -> Sizes:
    """Path → bytes, each with its section's head; the rest is told by the caller."""
    sizes: dict[tuple[str, ...], int] = {}
    _sections(data, 0, len(data), (), sizes)
    return sizes


def _sections(data: Data, start: int, end: int, path: tuple[str, ...], sizes: dict[tuple[str, ...], int]) -> None:
    reader = Reader(data, start, end)
    reader.skip(_HEADER)
    titles = _COMPONENT if data[start + 6] else _MODULE
    numbers: dict[str, int] = {}
    while reader.at < end:
        at, kind = reader.at, reader.byte()
        size = reader.count()
        inside = reader.at
        reader.skip(size)
        title = titles[kind] if kind < len(titles) else f"section {kind}"
        if title in _NESTED and titles is _COMPONENT and len(path) < _DEEPEST:
            numbers[title] = numbers.get(title, 0) + 1
            below = (*path, f"{title} {numbers[title]}")
            _add(sizes, (*below, "header"), inside - at + _HEADER)
            _sections(data, inside, reader.at, below, sizes)
        elif title == "custom":
            _add(sizes, (*path, title, _name(data, inside, reader.at)), reader.at - at)
        else:
            _add(sizes, (*path, title), reader.at - at)


def _name(data: Data, start: int, end: int) -> str:
    try:
        return Reader(data, start, end).name()
    except InvalidFileError:
        return "without a name"


def _add(sizes: dict[tuple[str, ...], int], path: tuple[str, ...], size: int) -> None:
    sizes[path] = sizes.get(path, 0) + size
