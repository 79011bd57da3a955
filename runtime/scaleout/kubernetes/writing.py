"""The files that were made → a folder, in which those of the last time that aren't made any more are removed."""

from __future__ import annotations

import os
import stat

from whit.packer.support import durable
from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes.documents import HEADER, is_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_files(folder: Path, files: Mapping[str, str], *, force: bool) -> tuple[str, ...]:
    """Write them all; the names of those that were removed. Nothing is written where a file stands that isn't whit's, unless ``force``.

    Raises :class:`WhitError`.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder", hint="choose another name, or - for standard output")
    with durable.output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        others = [name for name in files if name.endswith(".yaml") and not _is_free(folder / name)]
        if others and not force:
            hint = "choose another folder, or --force"
            raise UsageError(f"{folder / others[0]} wasn't made by whit, and isn't replaced", hint=hint)
        for name, text in files.items():
            place = folder / name
            if place.parent != folder:
                place.parent.mkdir(exist_ok=True)
            if not _holds(place, text.encode(), private=is_secret(name)):
                durable.write_whole(place, text.encode(), private=is_secret(name), settles=False)
        old = [place for place in sorted(folder.glob("*.yaml")) if place.name not in files and _is_ours(place)]
        for place in old:
            place.unlink()
        durable.sync_folder(folder)
    return tuple(place.name for place in old)


def _holds(place: Path, data: bytes, *, private: bool) -> bool:
    """Whether a file is as it would be written: then it is left alone, as most of a large project are."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        is_ours = stat.S_ISREG(about.st_mode) and not (private and about.st_mode & 0o077)
        return is_ours and about.st_size == len(data) and file.read() == data


def _is_free(place: Path) -> bool:
    return not (place.exists() or place.is_symlink()) or _is_ours(place)


def _is_ours(place: Path) -> bool:
    if place.is_symlink() or not place.is_file():
        return False
    with place.open("rb") as file:
        return file.read(len(HEADER)) == HEADER.encode()
