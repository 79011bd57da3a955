"""Which crate a stripped Rust program's functions are of: told by the places in the source that they can panic at. Pure.

Each place (``core::panic::Location``: a file's name, a line, a column) stands in the program's data, and a function
that can panic there points to it. A function that has only places of core and alloc says nothing: their code is compiled
into others. A few functions between two of one crate are taken to be of it too, for compilers write a crate's functions
side by side.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from whit.packer.elf.file import ElfFile
    from whit.packer.report.claims import Known

_PLACE = struct.Struct("<QII")
_ENDING, _LONGEST, _MOST_LINES, _MOST_COLUMNS = b".rs", 512, 1 << 20, 4096
_STANDARD, _LAST = frozenset({"core", "alloc", "std"}), "std"
_BETWEEN = 10
"""Functions between two of one crate, at most: of more, more are somebody else's (docs/report.md has the measure)."""
_LIBRARY = re.compile(r"(?:^|/)library/(\w+)/src/")
_FETCHED = re.compile(r".*?/registry/src/[^/]+/|.*?/git/checkouts/(?P<name>[^/]+)-[0-9a-f]+/[^/]+/")
_CRATE = re.compile(r"(?:^|/)([\w.+-]+)/src/")
_VERSION = re.compile(r"-\d+\.\d+.*")


def crate_of(path: str) -> str:
    """The crate of a source file: its folder's name above ``src``, as names in code write it; empty where there is none."""
    if library := _LIBRARY.search(path):
        return library[1]
    fetched = _FETCHED.match(path)
    found = _CRATE.search(path[fetched.end() :] if fetched else path)
    name = found[1] if found else fetched["name"] if fetched else None
    return _VERSION.sub("", name or "").replace("-", "_")


def guessed(
    elf: ElfFile,
    functions: Iterable[tuple[int, int]],
    references: Iterable[tuple[int, int]],
    words: Mapping[int, int],
) -> Iterator[Known]:
    """Functions (from, to) of which the crate can be told, with the crate as their owner; ``words`` are relocated ones in data."""
    spans = sorted(set(functions))
    places = _places(elf, words)
    votes = _votes(spans, references, places)
    crates = {number: _elected(found) for number, found in votes.items()}
    before, waiting = "", list[int]()
    for number, (start, end) in enumerate(spans):
        crate = crates.get(number, "")
        if not crate:
            waiting.append(number)
            continue
        if crate == before and len(waiting) <= _BETWEEN:
            yield from ((*spans[one], (crate,)) for one in waiting)
        yield start, end, (crate,)
        before, waiting = crate, []


def _places(elf: ElfFile, words: Mapping[int, int]) -> dict[int, str]:
    """Address of each place in the source → its crate."""
    crates: dict[bytes, str] = {}
    found: dict[int, str] = {}
    for address, target in words.items():
        at, name = elf.offset_of(address), elf.offset_of(target)
        if at is None or name is None or at + 8 + _PLACE.size > len(elf.data):
            continue
        size, line, column = _PLACE.unpack_from(elf.data, at + 8)
        if not (len(_ENDING) < size < _LONGEST and 0 < line < _MOST_LINES and 0 < column < _MOST_COLUMNS):
            continue
        path = elf.data[name : name + size]
        if path.endswith(_ENDING):
            if path not in crates:
                crates[path] = crate_of(path.decode("utf-8", "replace"))
            found[address] = crates[path]
    return found


def _votes(
    spans: Sequence[tuple[int, int]], references: Iterable[tuple[int, int]], places: Mapping[int, str]
) -> dict[int, dict[str, int]]:
    """Number of a function → crate → how often it points to one of that crate's places."""
    starts = [start for start, _ in spans]
    votes: dict[int, dict[str, int]] = {}
    for site, target in references:
        if target in places:
            number = bisect_right(starts, site) - 1
            if number >= 0 and site < spans[number][1]:
                found = votes.setdefault(number, {})
                found[places[target]] = found.get(places[target], 0) + 1
    return votes


def _elected(found: Mapping[str, int]) -> str:
    """The crate that has most of a function's places, std only where no other has; empty where only core and alloc have some."""
    own = sorted((-count, crate) for crate, count in found.items() if crate and crate not in _STANDARD)
    return own[0][1] if own else _LAST if _LAST in found else ""
