"""What was found in a program's code before: the same bytes and the same rules have the same calls.

    ROOT/cache/syscalls/KEY     KEY is a hash of the program's bytes and of whit's own code; the file begins with its own content's hash

A damaged record is no record; neither is one in a folder that others can write to. The store's collection of garbage removes old ones.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from whit.packer.image.packcache import code_key
from whit.packer.store.places import private_root
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, StoreError
from whit.packer.support.hashing import sha256, sha256_of_much
from whit.packer.support.jsondoc import canonical_json, parse_object
from whit.packer.support.private import check_private
from whit.packer.support.search import Sweep
from whit.packer.support.unthreaded import without_threads
from whit.packer.syscalls.analyse import find, require_static
from whit.packer.syscalls.found import Entry, Findings, Place, Unknown, Way

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from whit.packer.support.jsondoc import Doc
    from whit.packer.support.search import Data

_LARGEST = 8 << 20
"""Bytes of a record; those of large programs have some 20 kB."""

_MOST = 256
"""Records that are kept, the newest."""

_HASH = 64
_CHUNK = 1 << 20


def find_once(data: Data) -> Findings:
    """As :func:`whit.packer.syscalls.analyse.find`; what was found in the same bytes before is taken from the store."""
    require_static(data)
    folder = _folder()
    if folder is None:
        return _find(data)
    path = folder / _key(data)
    known = _read(path)
    if known is None:
        known = _find(data)
        _keep(path, known)
    return known


def _find(data: Data) -> Findings:
    with without_threads():
        return find(data)


def _folder() -> Path | None:
    try:
        return private_root(None) / "cache" / "syscalls"
    except StoreError:
        return None


def _key(data: Data) -> str:
    digest = sha256_of_much()
    sweep = Sweep(data, 0)
    for at in range(0, len(data), _CHUNK):
        sweep.passed(at)
        digest.update(data[at : at + _CHUNK])
    return sha256(canonical_json({"code": code_key(), "program": digest.hexdigest()})).hexdigest()


def _read(path: Path) -> Findings | None:
    try:
        check_private(path.parent)
        with path.open("rb") as file:
            record = file.read(_LARGEST + 1)
        body = record[_HASH:]
        if sha256(body).hexdigest().encode() != record[:_HASH]:
            return None
        return _findings(parse_object(body, "the record of calls", _LARGEST))
    except (OSError, ValueError, TypeError, IndexError, InvalidFileError, StoreError):
        return None


def _keep(path: Path, findings: Findings) -> None:
    """Not to be able to is no failure."""
    with contextlib.suppress(OSError, ValueError, InvalidFileError, StoreError):
        body = canonical_json(_document(findings))
        if len(body) > _LARGEST - _HASH:
            return
        durable.private_folder(path.parent.parent.parent)
        durable.private_folder(path.parent.parent)
        durable.private_folder(path.parent)
        durable.write_record(path, sha256(body).hexdigest().encode() + body)
        for old in sorted(path.parent.iterdir(), key=lambda one: one.stat().st_mtime_ns, reverse=True)[_MOST:]:
            old.unlink(missing_ok=True)


def _document(findings: Findings) -> dict[str, object]:
    """Places are told once, and referred to by their number."""
    numbers: dict[Place, int] = {}

    def number(place: Place) -> int:
        return numbers.setdefault(place, len(numbers))

    def listed(places: Iterable[Place]) -> list[int]:
        return [number(place) for place in places]

    entries = [
        [number(entry.place), [[way.number, listed(way.places)] for way in entry.ways]] for entry in findings.entries
    ]
    unknown = [[number(one.site), one.reason, listed(one.places)] for one in findings.unknown]
    foreign = [[number(place)] for place in findings.foreign]
    return {
        "architecture": findings.architecture,
        "code_bytes": findings.code_bytes,
        "entries": entries,
        "unknown": unknown,
        "foreign": foreign,
        "places": [[place.address, place.function] for place in numbers],
    }


def _findings(doc: Doc) -> Findings:
    """Raises :class:`InvalidFileError`, TypeError, ValueError or IndexError for a record that is none."""
    places = [Place(*row) for row in doc.rows("places", int, str)]

    def listed(numbers: Iterable[int]) -> tuple[Place, ...]:
        return tuple(places[number] for number in numbers)

    return Findings(
        doc.text("architecture"),
        doc.count("code_bytes"),
        tuple(
            Entry(places[place], tuple(Way(number, listed(numbers)) for number, numbers in ways))
            for place, ways in doc.rows("entries", int, list)
        ),
        tuple(
            Unknown(places[site], reason, listed(numbers))
            for site, reason, numbers in doc.rows("unknown", int, str, list)
        ),
        tuple(places[place] for (place,) in doc.rows("foreign", int)),
    )
