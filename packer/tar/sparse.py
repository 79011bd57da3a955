"""Sparse files: GNU tar's four ways to say which parts of a file are in the archive. Pure.

Source: GNU tar's manual, appendix D, "Storing Sparse Files": the old format (a header of type ``S``), and in pax headers
0.0 (repeated records), 0.1 (one record) and 1.0 (a table in front of the content).
"""

from __future__ import annotations

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.packer.tar.header import Records, decimal, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PREFIX = "GNU.sparse."
_ENTRY = 24
_IN_HEADER, _IN_EXTENSION = 4, 21
MAX_PARTS = 100_000
"""The greatest number of parts of one file that is read."""
_MAX_DIGITS = 18

Part = tuple[int, int]
"""Where bytes of a file are, and how many there are."""


@dataclass(frozen=True, slots=True)
class SparseFile:
    """A file of which only parts are in the archive; ``size`` is the whole file's, in bytes."""

    size: int
    parts: tuple[Part, ...]
    name: bytes | None = None

    def checked(self, stored: int) -> SparseFile:
        """Itself, if its parts are in order and have ``stored`` bytes. Raises :class:`InvalidFileError`."""
        end = 0
        for offset, length in self.parts:
            if offset < end:
                raise InvalidFileError("the archive is damaged: a sparse file's parts overlap")
            end = offset + length
        if end > self.size or sum(length for _, length in self.parts) != stored:
            raise InvalidFileError("the archive is damaged: a sparse file's parts aren't its content")
        return self


def old_sparse(block: bytes, more: Callable[[], bytes]) -> SparseFile:
    """The table of a header of type ``S``; ``more`` reads the next block, in which it goes on."""
    parts = list(_entries(block[386:482], _IN_HEADER))
    goes_on = block[482]
    while goes_on:
        extension = more()
        parts += _entries(extension[:504], _IN_EXTENSION)
        goes_on = extension[504]
        if len(parts) > MAX_PARTS:
            raise _too_many()
    return SparseFile(number(block[483:495]), tuple(parts))


def _entries(table: bytes, count: int) -> Iterator[Part]:
    """The entries in use, which come first; one of no bytes marks a file's end."""
    for at in range(0, count * _ENTRY, _ENTRY):
        if not table[at]:
            return
        yield number(table[at : at + 12]), number(table[at + 12 : at + _ENTRY])


def pax_sparse(records: Records) -> SparseFile | None:
    """What pax records of version 0.0 or 0.1 say; None where there are none. Raises :class:`InvalidFileError`."""
    by_key = dict(records)
    if _PREFIX + "size" not in by_key or is_in_content(records):
        return None
    if _PREFIX + "map" in by_key:
        numbers = [_whole(text) for text in by_key[_PREFIX + "map"].split(b",") if text]
    else:
        wanted = (_PREFIX + "offset", _PREFIX + "numbytes")
        numbers = [_whole(value) for key, value in records if key in wanted]
    return SparseFile(decimal(by_key, _PREFIX + "size", 0), _pairs(numbers), by_key.get(_PREFIX + "name"))


def is_in_content(records: Records) -> bool:
    """Whether the table stands in front of the content (version 1.0)."""
    by_key = dict(records)
    return by_key.get(_PREFIX + "major") == b"1" and by_key.get(_PREFIX + "minor") == b"0"


def table_sparse(records: Records, more: Callable[[], bytes]) -> tuple[SparseFile, int]:
    """The table in front of a content, and how many bytes it takes. ``more`` reads the next 512 bytes of the content."""
    text, blocks = bytearray(), 0

    def numbers() -> Iterator[int]:
        nonlocal blocks
        while True:
            line, newline, rest = text.partition(b"\n")
            if newline:
                text[:] = rest
                yield _whole(bytes(line))
            elif len(text) > _MAX_DIGITS:
                raise InvalidFileError("the archive is damaged: a sparse file's table holds no number")
            else:
                text.extend(more())
                blocks += 1

    found = numbers()
    count = next(found)
    if count > MAX_PARTS:
        raise _too_many()
    table = [next(found) for _ in range(2 * count)]
    by_key = dict(records)
    size = decimal(by_key, _PREFIX + "realsize", 0)
    return SparseFile(size, _pairs(table), by_key.get(_PREFIX + "name")), blocks * 512


def _pairs(numbers: list[int]) -> tuple[Part, ...]:
    if len(numbers) % 2:
        raise InvalidFileError("the archive is damaged: a sparse file's table ends in the middle")
    if len(numbers) > 2 * MAX_PARTS:
        raise _too_many()
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _whole(text: bytes) -> int:
    if not text.isdigit() or len(text) > _MAX_DIGITS:
        raise InvalidFileError("the archive is damaged: a sparse file's table holds something that is no number")
    return int(text)


def _too_many() -> InvalidFileError:
    return InvalidFileError(f"a layer holds a sparse file of more than {MAX_PARTS} parts")
