"""Crates that cargo-auditable wrote into a Rust executable. Pure.

The section ``.dep-v0``, in WebAssembly a custom section, holds JSON, compressed by zlib: ``packages``, each with ``name``, ``version``, ``kind``
(``build`` for what only the build used) and ``root`` (the program itself). Format: rust-secure-code/cargo-auditable,
PARSING.md.
"""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any

from whit.packer.executable.analysis import BuildInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.file import ElfFile
    from whit.packer.support.search import Data

SECTION = ".dep-v0"
_MAX_COMPRESSED, _MAX_TEXT = 4 << 20, 8 << 20
"""uv's 567 crates take 15 kB, 100 kB uncompressed."""

_MAX_CRATES = 1 << 16
_COMMIT = re.compile(rb"/rustc/([0-9a-f]{40})/library/")
_COMMIT_WINDOW = 256


def crates(elf: ElfFile) -> BuildInfo | None:
    """The program's crate and those that are linked into it; None if nothing was written, or it can't be read."""
    section = elf.section(SECTION)
    return read_crates(elf.data, section.offset, section.offset + section.size) if section else None


def read_crates(data: Data, start: int, end: int) -> BuildInfo | None:
    """As :func:`crates`, of the section that lies from ``start`` to ``end`` in a file of any format."""
    if not 0 < end - start <= _MAX_COMPRESSED:
        return None
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(data[start:end], _MAX_TEXT)
        packages = json.loads(text)["packages"] if unpacker.eof else []
        named = list(_named(packages[:_MAX_CRATES]))
    except (zlib.error, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    root = next(((name, version) for name, version, is_root in named if is_root), (None, None))
    dependencies = tuple((name, version) for name, version, is_root in named if not is_root)
    return BuildInfo(main_path=root[0], module=root[0], module_version=root[1], dependencies=dependencies)


def _named(packages: list[Any]) -> Iterator[tuple[str, str, bool]]:
    for package in packages:
        if package.get("kind", "runtime") == "runtime":
            yield str(package["name"]), str(package["version"]), package.get("root") is True


def commit(elf: ElfFile, near: int) -> str | None:
    """The compiler's own commit, which stands in paths of the standard library's sources; ``near`` is such a path."""
    found = _COMMIT.search(elf.data[max(near - _COMMIT_WINDOW, 0) : near + _COMMIT_WINDOW])
    return found.group(1).decode() if found else None
