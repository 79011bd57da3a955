"""Compression whose bytes depend on the data alone: not on the machine's cores or processor, nor on how the data arrives.

The data is cut into blocks of one size, each of which becomes one gzip member by libdeflate; the members, one after the
other, are one gzip file (RFC 1952, 2.2); zstd's frames likewise. A block that doesn't compress (Go's compressed debug
information, say) is found by a few samples and only stored. Blocks are compressed in parallel and put out in order.
docs/store.md has the measurements.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

import deflate

from whit.packer.image.spec import Compression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

BLOCK = 512 << 10
"""Bytes compressed at once. Like all the numbers here it is part of the format: others give other digests."""
LEVEL = 2
ZSTD_BLOCK = 4 << 20
ZSTD_LEVEL = 3
_STORED = 0
_SAMPLES = 4
_SAMPLE = 4 << 10
_SAMPLE_LEVEL = 1
_WORTH_IT = 0.9
"""The greatest ratio of compressed to plain samples at which a block is compressed."""
_MOST_WORKERS = 8
_MOST_WAITING = 24 << 20
"""Bytes of blocks that are in memory at once, however many cores there are."""


def compressed(chunks: Iterable[bytes], compression: Compression) -> Iterable[bytes]:
    """Some chunks, compressed that way."""
    if compression is Compression.GZIP:
        return gzip_stream(chunks)
    return zstd_stream(chunks) if compression is Compression.ZSTD else chunks


def gzip_stream(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The gzip of some chunks' concatenation, in pieces; a few blocks for each core are in memory at once."""
    return _in_parallel(_blocks(chunks, BLOCK), BLOCK, _member)


def zstd_stream(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """As :func:`gzip_stream`; each block becomes one zstd frame (RFC 8878, 3.1)."""
    import zstandard  # noqa: PLC0415 - most layers are gzip's

    def frame(block: bytes) -> bytes:
        return zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_content_size=True).compress(block)

    return _in_parallel(_blocks(chunks, ZSTD_BLOCK), ZSTD_BLOCK, frame)


def _in_parallel(blocks: Iterator[bytes], full: int, made: Callable[[bytes], bytes]) -> Iterator[bytes]:
    first = next(blocks)
    if len(first) < full:
        yield made(first)
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - small layers need no threads

    cores = min(len(os.sched_getaffinity(0)), _MOST_WORKERS)
    most = min(2 * cores, _MOST_WAITING // full)
    workers = min(cores, most)
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        waiting.append(pool.submit(made, first))
        for block in blocks:
            waiting.append(pool.submit(made, block))
            if len(waiting) > most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _blocks(chunks: Iterable[bytes], block: int) -> Iterator[bytes]:
    """The same bytes in blocks of one size, the last one shorter; at least one, which may be empty."""
    parts: list[memoryview] = []
    size, empty = 0, True
    for chunk in chunks:
        left = memoryview(chunk)
        while size + len(left) >= block:
            yield b"".join([*parts, left[: block - size]])
            left = left[block - size :]
            parts, size, empty = [], 0, False
        parts.append(left)
        size += len(left)
    if size or empty:
        yield b"".join(parts)


def _member(block: bytes) -> bytes:
    return bytes(deflate.gzip_compress(block, LEVEL if _compresses(block) else _STORED))


def _compresses(block: bytes) -> bool:
    if len(block) <= _SAMPLES * _SAMPLE:
        return True
    step = len(block) // _SAMPLES
    sample = b"".join(block[start : start + _SAMPLE] for start in range(0, _SAMPLES * step, step))
    return len(deflate.deflate_compress(sample, _SAMPLE_LEVEL)) <= _WORTH_IT * len(sample)
