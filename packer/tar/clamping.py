"""An archive with no time later than a given one: every other byte stays as it is, whoever wrote it.

Names, owners, attributes, links, sparse files' tables and the order are not touched, since headers are changed where
they stand. Times are in the header (ustar), in pax records, and in GNU's and star's headers behind the name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError
from whit.packer.tar.header import Records, check_sum, member_of, nanoseconds, number, pax_records, with_records
from whit.packer.tar.member import RECORD
from whit.packer.tar.read import EXTENSIONS, MAX_EXTENSIONS, OWN_HEADERS, extension_size
from whit.packer.tar.stream import Stream
from whit.packer.tar.write import pax_record, sealed

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 256 << 10
_SECOND = 1_000_000_000
_LATEST = 0o77777777777
"""The latest time that a header's eleven octal digits hold: the year 2242."""
_PAX_TIMES = ("mtime", "atime", "ctime", "LIBARCHIVE.creationtime")
_MTIME = slice(136, 148)
_GNU_TIMES = (slice(345, 357), slice(357, 369))
_STAR_TIMES = (slice(476, 488), slice(488, 500))


def clamped(chunks: Iterator[bytes], latest: int) -> Iterator[bytes]:
    """The archive in pieces; ``latest`` in seconds since 1970. Doing it again changes nothing.

    Raises :class:`InvalidFileError` as reading the archive does.
    """
    return _Clamping(Stream(chunks), min(latest, _LATEST)).archive()


class _Clamping:
    """Goes through an archive; ``_is_late``: the next member's time stood in a pax record that is gone."""

    def __init__(self, stream: Stream, latest: int) -> None:
        self._stream, self._latest = stream, latest
        self._common: Records = ()
        self._own: Records = ()
        self._is_late = False
        self._extensions = 0

    def archive(self) -> Iterator[bytes]:
        """All of it."""
        while True:
            block = self._stream.exactly(RECORD, may_end=True)
            if not block.strip(b"\0"):
                break
            check_sum(block)
            yield from self._extension(block) if block[156:157] in EXTENSIONS else self._member(block)
        yield block
        yield from self._stream.rest()

    def _extension(self, block: bytes) -> Iterator[bytes]:
        self._extensions += 1
        if self._extensions > MAX_EXTENSIONS:
            raise InvalidFileError(f"the archive has more than {MAX_EXTENSIONS} headers without a member")
        size, kind = extension_size(block), block[156:157]
        data = self._stream.exactly(size + -size % RECORD)
        if kind == b"g" or kind in OWN_HEADERS:
            records = pax_records(data[:size])
            kept = tuple(self._record(key, value, is_own=kind in OWN_HEADERS) for key, value in records)
            left = tuple(record for record in kept if record)
            if kind == b"g":
                self._common = tuple(dict((*self._common, *left)).items())
            else:
                self._own += records
            if left != records:
                if not left:
                    return
                body = b"".join(pax_record(key, value) for key, value in left)
                block = sealed(bytearray(block[:124] + b"%011o\0" % len(body) + block[136:]))
                data = body + bytes(-len(body) % RECORD)
        yield self._header(block)
        yield data

    def _record(self, key: str, value: bytes, *, is_own: bool) -> tuple[str, bytes] | None:
        """A record as it is to be; None where the header itself will say the time."""
        if key not in _PAX_TIMES or not value or nanoseconds(value) <= self._latest * _SECOND:
            return key, value
        if key == "mtime" and is_own and "mtime" not in dict(self._common):
            self._is_late = True
            return None
        return key, b"%d" % self._latest

    def _member(self, block: bytes) -> Iterator[bytes]:
        size = with_records(member_of(block), (*self._common, *self._own)).size
        yield self._header(block, is_late=self._is_late)
        self._own, self._is_late, self._extensions = (), False, 0
        goes_on = block[156:157] == b"S" and block[482]
        while goes_on:
            extension = self._stream.exactly(RECORD)
            yield extension
            goes_on = extension[504]
        yield from self._stream.pieces(size + -size % RECORD, _PIECE)

    def _header(self, block: bytes, *, is_late: bool = False) -> bytes:
        late = [place for place in _times(block) if self._is_later(block[place])]
        if is_late:
            late.append(_MTIME)
        if not late:
            return block
        changed = bytearray(block)
        for place in late:
            changed[place] = b"%011o\0" % self._latest
        return sealed(changed)

    def _is_later(self, field: bytes) -> bool:
        """Before 1970, or no number at all, is never later."""
        try:
            return field[0] != 0xFF and number(field) > self._latest  # noqa: PLR2004 - GNU's mark of a negative number
        except InvalidFileError:
            return False


def _times(block: bytes) -> tuple[slice, ...]:
    """Where times are in a header of this dialect."""
    if block[257:265] == b"ustar  \0":
        return (_MTIME, *_GNU_TIMES)
    return (_MTIME, *_STAR_TIMES) if block[508:512] == b"tar\0" else (_MTIME,)
