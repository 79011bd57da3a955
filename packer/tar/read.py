"""Reading tar archives that somebody else wrote, as a stream (ustar, pax, GNU's and star's dialects, and older ones)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.packer.support.light import replace
from whit.packer.tar.header import Records, check_sum, member_of, number, pax_records, with_records
from whit.packer.tar.member import RECORD, Kind, Member
from whit.packer.tar.sparse import SparseFile, is_in_content, old_sparse, pax_sparse, table_sparse
from whit.packer.tar.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_EXTENSION = 1 << 20
"""The greatest pax header or long name, in bytes; a path has at most 4,096."""
MAX_EXTENSIONS = 1000
"""The greatest number of headers that extend all members, or one of them."""
_PIECE = 256 << 10
_ZEROS = bytes(_PIECE)
OWN_HEADERS = (b"x", b"X")
LONG = {b"L": "path", b"K": "linkpath"}
EXTENSIONS = (b"g", *OWN_HEADERS, *LONG)
"""Types of headers that say something of what follows: of all members, of the next one (pax), of its name (GNU)."""


class TarReader:
    """Members one after the other; the content of the last one yielded can be read until the next is asked for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._stream = Stream(chunks)
        self._left = 0
        self._padding = 0
        self._sparse: SparseFile | None = None

    def members(self) -> Iterator[Member]:
        """Every member. After the last the stream is read to its end, so that its digest can be known.

        Raises :class:`InvalidFileError`, :class:`UnsupportedError`.
        """
        common: Records = ()
        own: Records = ()
        extensions = 0
        while True:
            self._skip_content()
            block = self._stream.exactly(RECORD, may_end=True)
            if not block.strip(b"\0"):
                break
            check_sum(block)
            kind = block[156:157]
            extensions += kind in EXTENSIONS
            if extensions > MAX_EXTENSIONS:
                raise InvalidFileError(f"the archive has more than {MAX_EXTENSIONS} headers without a member")
            if kind == b"g":
                common = tuple(dict((*common, *pax_records(self._extension(block)))).items())
            elif kind in OWN_HEADERS:
                own += pax_records(self._extension(block))
            elif kind in LONG:
                own += ((LONG[kind], self._extension(block).rstrip(b"\0")),)
            elif kind == b"M":
                raise UnsupportedError("the archive goes on from another volume, which whit doesn't read")
            else:
                yield self._begun(block, (*common, *own))
                own, extensions = (), 0
        for _ in self._stream.rest():
            pass

    def _begun(self, block: bytes, records: Records) -> Member:
        """The member of a header, with its content to be read."""
        member = with_records(member_of(block), records)
        stored = member.size
        self._sparse, table = None, 0
        if member.kind is Kind.FILE:
            if block[156:157] == b"S":
                self._sparse = old_sparse(block, lambda: self._stream.exactly(RECORD))
            elif is_in_content(records):
                self._sparse, table = table_sparse(records, lambda: self._stream.exactly(RECORD))
            else:
                self._sparse = pax_sparse(records)
        self._left, self._padding = stored - table, -stored % RECORD
        if self._sparse:
            self._sparse.checked(self._left)
            return replace(member, size=self._sparse.size, name=self._sparse.name or member.name)
        return member

    def _extension(self, block: bytes) -> bytes:
        size = extension_size(block)
        return self._stream.exactly(size + -size % RECORD)[:size]

    def content(self) -> Iterator[bytes]:
        """The content of the member that was yielded last, in pieces; a sparse file's holes are zeros."""
        at = 0
        for offset, piece in self.parts():
            yield from _zeros(offset - at)
            yield piece
            at = offset + len(piece)
        if self._sparse:
            yield from _zeros(self._sparse.size - at)

    def parts(self) -> Iterator[tuple[int, bytes]]:
        """The same without a sparse file's holes: pieces, each with its place in the file."""
        for start, length in self._sparse.parts if self._sparse else ((0, self._left),):
            at, end = start, start + length
            while at < end and self._left:
                piece = self._stream.some(min(end - at, _PIECE))
                self._left -= len(piece)
                yield at, piece
                at += len(piece)

    def _skip_content(self) -> None:
        self._stream.skip(self._left + self._padding)
        self._left = self._padding = 0


def extension_size(block: bytes) -> int:
    """Bytes of what a header of :data:`EXTENSIONS` says. Raises :class:`InvalidFileError` for more than anybody needs."""
    size = number(block[124:136])
    if size > MAX_EXTENSION:
        raise InvalidFileError(f"the archive declares a name of {size} bytes")
    return size


def _zeros(size: int) -> Iterator[bytes]:
    while size > 0:
        yield _ZEROS[:size]
        size -= len(_ZEROS)
