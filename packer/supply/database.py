"""A database of vulnerabilities on disk: a folder or a zip of OSV's JSON files, as osv.dev gives them for download."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING

from whit.packer.supply.osv import MAX_RECORD, is_about, parse_vulnerability
from whit.packer.support.errors import InvalidFileError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from whit.packer.supply.osv import Vulnerability

MOST = 2_000_000
"""Records that are read: all of osv.dev's are some hundred thousand."""


def records(path: Path, names: Container[str]) -> Iterator[Vulnerability]:
    """The records about packages of these names in a folder (zips in it too) or a zip, but for those that were withdrawn.

    A file that can't be read is an error: what it says may be just what matters. Raises :class:`NotFoundError`,
    :class:`InvalidFileError`.
    """
    count = 0
    for name, data in _files(path):
        count += 1
        if count > MOST:
            raise InvalidFileError(f"{path} holds more than {MOST} records")
        record = parse_vulnerability(data, name) if is_about(data, names) else None
        if record is not None:
            yield record
    if not count:
        raise InvalidFileError(
            f"{path} holds no JSON files", hint="give the folder or zip of OSV records, as of osv.dev's all.zip"
        )


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        if not path.is_dir():
            yield from _zipped(path)
            return
        for file in sorted(path.rglob("*")):
            if file.suffix == ".zip" and file.is_file():
                yield from _zipped(file)
            elif file.suffix == ".json" and file.is_file():
                with file.open("rb") as opened:
                    yield str(file), opened.read(MAX_RECORD + 1)
    except FileNotFoundError:
        raise NotFoundError(f"there is no database {path}", hint="a folder or zip of OSV records") from None
    except OSError as error:
        raise InvalidFileError(f"{path} can't be read: {(error.strerror or str(error)).lower()}") from None


def _zipped(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.filename.endswith(".json") or info.is_dir():
                    continue
                with archive.open(info) as member:
                    yield f"{path}: {info.filename[:200]!r}", member.read(MAX_RECORD + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidFileError(f"{path} is no zip that can be read: {error}") from None
