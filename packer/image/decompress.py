"""A compressed layer or archive → its bytes, as a stream, with a bound on how much comes out of how little.

gzip by ISA-L, zstd by the zstandard package. Sources: RFC 1952 (several members are one file), RFC 8878 (several frames
are, and frames to be skipped hold nothing).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from isal import igzip_lib, isal_zlib

from whit.packer.image.oci import (
    DOCKER_LAYER_FOREIGN,
    DOCKER_LAYER_GZIP,
    DOCKER_LAYER_TAR,
    DOCKER_LAYER_ZSTD,
    LAYER_GZIP,
    LAYER_TAR,
    LAYER_ZSTD,
)
from whit.packer.support.errors import InvalidFileError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

_PIECE = 1 << 20
_GZIP = 31
_GZIP_ERROR: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]  # its stub has an instance
_RATIO = 300
_FREE = 1 << 30
"""Up to so many bytes a layer may be compressed as well as it likes; above, by at most :data:`_RATIO`."""
_ZSTD_WINDOW = 1 << 27
"""The greatest window of zstd's that is read, in bytes: what its highest level without ``--long`` takes."""

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPED = b"\x2a\x4d\x18"
"""The last three bytes of the magic number of a frame to be skipped, with which zstd:chunked may begin."""


def decompressed(media_type: str, chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """A layer's tar in pieces; ``size`` is the blob's, in bytes.

    Raises :class:`UnsupportedError` for a media type that is no layer's, :class:`InvalidFileError` for damage and bombs.
    """
    if media_type in (LAYER_GZIP, DOCKER_LAYER_GZIP):
        return gunzip(chunks, size)
    if media_type in (LAYER_ZSTD, DOCKER_LAYER_ZSTD):
        return unzstd(chunks, size)
    if media_type in (LAYER_TAR, DOCKER_LAYER_TAR):
        return chunks
    hint = "it is for Windows only" if media_type == DOCKER_LAYER_FOREIGN else None
    raise UnsupportedError(f"the image has layers of type {media_type}, which whit can't unpack", hint=hint)


def media_type_of(beginning: bytes) -> str:
    """The media type of a layer that begins with these bytes; 8 are enough."""
    if beginning.startswith(GZIP_MAGIC):
        return LAYER_GZIP
    if beginning.startswith(ZSTD_MAGIC) or beginning[1:4] == _ZSTD_SKIPPED:
        return LAYER_ZSTD
    return LAYER_TAR


class _Bound:
    """Refuses what unpacks to too much."""

    def __init__(self, compressed: int) -> None:
        self._most = max(_FREE, compressed * _RATIO)
        self._compressed = compressed
        self._size = 0

    def count(self, piece: bytes) -> bytes:
        self._size += len(piece)
        if self._size > self._most:
            raise InvalidFileError(
                f"a layer of {self._compressed} bytes unpacks to more than {self._size}: that is a bomb"
            )
        return piece


def gunzip(chunks: Iterator[bytes], compressed: int) -> Iterator[bytes]:
    """Uncompressed pieces of a gzip file of any number of members; what comes after the last must be gzip too.

    ``compressed`` is the file's size in bytes, by which bombs are known. Raises :class:`InvalidFileError`.
    """
    inflater, inside, bound = isal_zlib.decompressobj(_GZIP), False, _Bound(compressed)
    try:
        for chunk in chunks:
            pending = chunk
            while pending:
                if inflater.eof:
                    inflater = isal_zlib.decompressobj(_GZIP)
                piece = bound.count(inflater.decompress(pending, _PIECE))
                inside = not inflater.eof
                pending = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
                if piece:
                    yield piece
    except _GZIP_ERROR as error:
        raise InvalidFileError(f"a layer is not valid gzip: {error}") from None
    if inside:
        raise InvalidFileError("a layer's gzip data ends in the middle")


def unzstd(chunks: Iterator[bytes], compressed: int) -> Iterator[bytes]:
    """Uncompressed pieces of any number of zstd frames; as :func:`gunzip`. That the last one is whole, a digest tells."""
    import zstandard  # noqa: PLC0415 - most layers are gzip's

    bound = _Bound(compressed)
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    source = cast("IO[bytes]", _Source(chunks))
    try:
        with decompressor.stream_reader(source, read_across_frames=True) as reader:
            while piece := reader.read(_PIECE):
                yield bound.count(piece)
    except zstandard.ZstdError as error:
        raise InvalidFileError(f"a layer is not valid zstd: {error}") from None


class _Source:
    """Chunks as a file that is read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._left = memoryview(chunk)
        piece, self._left = bytes(self._left[:size]), self._left[size:]
        return piece
