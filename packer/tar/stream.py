"""Chunks of any sizes, taken in the pieces that an archive's reader wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stream:
    """The bytes of some chunks, one after the other; nothing is read before it is asked for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._pending = memoryview(b"")

    def more(self) -> bool:
        """Whether there is another byte."""
        while not self._pending:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._pending = memoryview(chunk)
        return True

    def some(self, size: int) -> bytes:
        """At least one byte and at most so many. Raises :class:`InvalidFileError` at the end."""
        if not self.more():
            raise InvalidFileError("the archive ends in the middle")
        piece = bytes(self._pending[:size])
        self._pending = self._pending[size:]
        return piece

    def exactly(self, size: int, *, may_end: bool = False) -> bytes:
        """So many bytes; none where it ends and may. Raises :class:`InvalidFileError` where it ends before that."""
        if may_end and not self.more():
            return b""
        if len(self._pending) >= size:
            piece, self._pending = bytes(self._pending[:size]), self._pending[size:]
            return piece
        data = bytearray()
        while len(data) < size:
            data += self.some(size - len(data))
        return bytes(data)

    def skip(self, size: int) -> None:
        """Pass over so many bytes. Raises :class:`InvalidFileError` where it ends before that."""
        while size:
            if not self.more():
                raise InvalidFileError("the archive ends in the middle")
            passed = min(size, len(self._pending))
            self._pending = self._pending[passed:]
            size -= passed

    def pieces(self, size: int, most: int) -> Iterator[bytes]:
        """So many bytes in pieces of at most ``most``."""
        while size:
            piece = self.some(min(size, most))
            size -= len(piece)
            yield piece

    def rest(self) -> Iterator[bytes]:
        """All that is left, so that a digest of the whole can be known."""
        while self.more():
            piece, self._pending = bytes(self._pending), memoryview(b"")
            yield piece
