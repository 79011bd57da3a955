"""After a recipe's steps: its programs are found, and stripped where their builder couldn't leave symbols out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from whit.packer.elf.buildid import identified
from whit.packer.elf.strip import pieces, strip
from whit.packer.support import durable
from whit.packer.support.errors import UnsupportedError, WhitError

if TYPE_CHECKING:
    from pathlib import Path

    from whit.toolchains.model import Recipe

_MAGIC = (b"\x7fELF", b"\0asm")


def write_files(place: Path, recipe: Recipe) -> None:
    """What the steps want to find in the output folder."""
    for file in recipe.files:
        path = place / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        path.chmod(0o755 if file.is_executable else 0o644)


def finish(place: Path, recipe: Recipe) -> tuple[tuple[str, str], ...]:
    """(name, file at the top of the output folder) of all programs; all else in the folder is removed.

    Raises :class:`WhitError` where one wasn't made.
    """
    found = [(name, _found(place, name, pattern)) for name, pattern in recipe.programs]
    kept = {path.name for _, path in found}
    for _, path in found:
        if path.parent != place:
            clash = place / path.name
            if clash.is_dir():
                clash.rename(place / f".{path.name}")
            path.rename(clash)
        _finish_program(place / path.name, strips=recipe.strips)
    with os.scandir(place) as entries:
        others = [entry.name for entry in entries if entry.name not in kept]
    for name in others:
        other = place / name
        if other.is_dir() and not other.is_symlink():
            durable.remove_tree(other)
        else:
            other.unlink()
    return tuple((name, path.name) for name, path in found)


def _found(place: Path, name: str, pattern: str) -> Path:
    """The executable of that name; of several the one nearest to the top."""
    inside = place.resolve()
    # What was confined may have put links in the place of folders, to files that it couldn't reach itself.
    there = (path for path in place.glob(pattern) if path.resolve().is_relative_to(inside))
    candidates = sorted(there, key=lambda path: (len(path.parts), path))
    for path in candidates:
        if path.is_file() and not path.is_symlink() and _is_program(path):
            return path
    other = next((path for path in candidates if path.is_file()), None)
    more = f": {other.relative_to(place)} is no executable for Linux" if other else ""
    raise WhitError(f"the build ended well, but has made no {name}{more}")


def _is_program(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in _MAGIC


def _finish_program(path: Path, *, strips: bool) -> None:
    """Strip it, and give it its build ID. A WebAssembly module, or what can't be stripped, stays as it is."""
    data = path.read_bytes()
    made = identified(_stripped(data) if strips else data)
    if made == data:
        return
    new = durable.temporary_beside(path)
    new.write_bytes(made)
    new.chmod(0o755)
    new.replace(path)


def _stripped(data: bytes) -> bytes:
    if not data.startswith(b"\x7fELF"):
        return data
    try:
        plan = strip(data, symbols=True)
    except UnsupportedError:
        return data
    return b"".join(pieces(data, plan))
