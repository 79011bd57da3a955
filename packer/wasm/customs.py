"""Custom sections that say something of a WebAssembly file: producers, features, names. Pure.

Tool conventions, ProducersSection.md and Linking.md ("Target Features Section"); core specification, 7.4.1.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError
from whit.packer.wasm.contents import Producer

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.wasm.contents import Contents
    from whit.packer.wasm.reader import Reader

MAX_PRODUCERS = 64
MAX_FEATURES = 256

_USED = (ord("+"), ord("="))
_OWN_NAME = 0


def read_custom(contents: Contents, reader: Reader) -> None:
    """A custom section: its name and what it says, of those that are known. A broken one means nothing, as for engines."""
    name = reader.name()
    contents.customs.setdefault(name, (reader.at, reader.end))
    read = _CUSTOMS.get(name)
    with contextlib.suppress(InvalidFileError):
        if read:
            read(contents, reader)


def _read_producers(contents: Contents, reader: Reader) -> None:
    for _ in range(min(reader.count(), MAX_PRODUCERS)):
        role = reader.name()
        for _ in range(min(reader.count(), MAX_PRODUCERS)):
            offset = reader.at
            contents.producers.append(Producer(role, reader.name(), reader.name(), offset))


def _read_features(contents: Contents, reader: Reader) -> None:
    for _ in range(min(reader.count(), MAX_FEATURES)):
        is_used, name = reader.byte() in _USED, reader.name()
        if is_used:
            contents.features.add(name)


def _read_names(contents: Contents, reader: Reader) -> None:
    """A module's or component's own name, which stands first."""
    if reader.byte() == _OWN_NAME:
        reader.number()
        contents.name = contents.name or reader.name() or None


_CUSTOMS: dict[str, Callable[[Contents, Reader], None]] = {
    "producers": _read_producers,
    "target_features": _read_features,
    "name": _read_names,
    "component-name": _read_names,
}
