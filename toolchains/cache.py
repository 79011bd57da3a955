"""What was built before, by all that decides what comes out. docs/toolchains.md says what is on disk.

    ROOT/build/caches/source-KEY/    programs, and a record of what they were made with; removed when unused for 30 days
    ROOT/cache/trees/KEY.json        the digests of a tree's files, see tree.py

A record counts while its tools, and what else of this machine its recipe watched, are as they were.
"""

from __future__ import annotations

import contextlib
import os
import stat
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.cache import StepCache
from whit.packer.image.packcache import file_state
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import canonical_json, parse_object
from whit.packer.support.light import dataclass
from whit.toolchains.model import ANY, Note

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from whit.packer.store.store import Store
    from whit.toolchains.model import Recipe

_RECORD = "record.json"
_LIMIT = 16 << 20
_DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Made:
    """Programs that are there: ``files`` are their paths, the image's own first. ``tools`` are names with versions."""

    folder: str
    names: tuple[str, ...]
    files: tuple[str, ...]
    notes: tuple[Note, ...]
    tools: tuple[str, ...]
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class BuildCache:
    """The cache of a store."""

    store: Store

    @property
    def folder(self) -> Path:
        """Where programs are."""
        return StepCache(self.store).folder / "caches"

    def index(self, root: str) -> Path:
        """Where a tree's digests are."""
        return self.store.cache_folder / "trees" / f"{sha256(os.fsencode(root)).hexdigest()}.json"

    @contextlib.contextmanager
    def using(self) -> Iterator[None]:
        """The right to use what is there: until the block ends nothing is removed."""
        with StepCache(self.store).using():
            yield

    @contextlib.contextmanager
    def one_at_a_time(self, key: str) -> Iterator[None]:
        """Whoever else wants the same waits, and then finds it."""
        with durable.locked(self.folder / f"source-{key}.lock", exclusive=True):
            yield

    def recall(self, key: str) -> Made | None:
        """What was made, if all that decided is as it was. It counts as used now. A damaged record is none."""
        folder = self.folder / f"source-{key}"
        try:
            doc = parse_object((folder / _RECORD).read_bytes(), "build record", _LIMIT)
            watched = [(one.text("path"), one.texts("state")) for one in doc.docs("watched")]
            programs = [(one.text("name"), one.text("file")) for one in doc.docs("programs")]
            sealed = [(one.text("file"), one.texts("seal")) for one in doc.docs("programs")]
            made = Made(
                str(folder),
                tuple(name for name, _ in programs),
                tuple(str(folder / os.path.basename(file)) for _, file in programs),  # noqa: PTH119
                tuple(Note(one.free_text("choice"), one.free_text("reason")) for one in doc.docs("notes")),
                doc.texts("tools"),
            )
            is_same = all(_state(bytes.fromhex(path)) == state for path, state in watched)
            is_whole = all(_seal(folder / os.path.basename(file)) == seal for file, seal in sealed)  # noqa: PTH119
            if made.files and is_same and is_whole:
                if durable.older_than(folder, _DAY):
                    # Not each time: who packs what is in it has noted when it changed.
                    os.utime(folder)
                return made
        except (OSError, ValueError, InvalidFileError):
            pass
        return None

    @contextlib.contextmanager
    def workplace(self) -> Iterator[Path]:
        """A folder to build in, gone when the block ends unless :meth:`keep` has taken it."""
        place = durable.temporary_beside(self.folder / "any")
        place.mkdir(mode=0o700)
        try:
            yield place
        finally:
            durable.remove_tree(place)

    def keep(self, key: str, place: Path, recipe: Recipe, notes: tuple[Note, ...]) -> Made:
        """Keep what is in a workplace, flushed to the disk, in the place of what is there."""
        watched = {os.fsencode(path) for tool in recipe.tools for path in _tool_files(tool.path)}
        watched |= {os.fsencode(path) for path in recipe.watched}
        document = {
            "schema": "whit-source/1",
            "programs": [
                {"name": name, "file": file, "seal": list(_seal(place / file))} for name, file in recipe.programs
            ],
            "notes": [{"choice": note.choice, "reason": note.reason} for note in notes],
            "tools": [tool.title for tool in recipe.tools],
            "watched": [{"path": path.hex(), "state": list(_state(path))} for path in sorted(watched)],
        }
        for _, file in recipe.programs:
            _flush(place / file)
        durable.write_whole(place / _RECORD, canonical_json(document))
        folder = self.folder / f"source-{key}"
        if folder.exists():
            gone = durable.temporary_beside(folder)
            folder.rename(gone)
            durable.remove_tree(gone)
        place.rename(folder)
        return Made(
            str(folder),
            tuple(name for name, _ in recipe.programs),
            tuple(str(folder / file) for _, file in recipe.programs),
            notes,
            tuple(tool.title for tool in recipe.tools),
            is_new=True,
        )


def _tool_files(path: str) -> tuple[str, ...]:
    """The executable, links followed, and Go's VERSION beside it."""
    real = os.path.realpath(path)
    return (path, real, os.path.join(os.path.dirname(os.path.dirname(real)), "VERSION"))  # noqa: PTH118, PTH120


def _state(path: bytes) -> tuple[str, ...]:
    """A file's or folder's; of a path that ends with ANY the names, in hex as they may be no text."""
    if not path.endswith(os.fsencode(ANY)):
        return file_state(path)
    folder, first = os.path.split(path[: -len(ANY)])
    try:
        return tuple(sorted(name.hex() for name in os.listdir(folder) if name.startswith(first)))  # noqa: PTH208 - names
    except OSError:
        return ()


def _seal(path: Path) -> tuple[str, ...]:
    """Size and time of change of a regular file: what was cut short or changed since isn't what was built. Raises OSError."""
    state = path.lstat()
    return (str(state.st_size), str(state.st_mtime_ns)) if stat.S_ISREG(state.st_mode) else ()


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
