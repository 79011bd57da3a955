"""gzip whose bytes depend on the data alone: not on the machine's cores or processor, nor on how the data arrives.

The data is cut into blocks of one size, each of which becomes one gzip member by libdeflate; the members, one after the
other, are one gzip file (RFC 1952, 2.2). A block that doesn't compress (Go's compressed debug information, say) is
found by a few samples and only stored. Blocks are compressed in parallel and put out in order.
docs/store.md has the measurements.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

import deflate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

BLOCK = 512 << 10
"""Bytes compressed at once. Like all the numbers here it is part of the format: others give other digests."""
LEVEL = 2
_STORED = 0
_SAMPLES = 4
_SAMPLE = 4 << 10
_SAMPLE_LEVEL = 1
_WORTH_IT = 0.9
"""The greatest ratio of compressed to plain samples at which a block is compressed."""
_MOST_WORKERS = 8


def gzip_stream(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The gzip of some chunks' concatenation, in pieces; a few blocks for each core are in memory at once."""
    blocks = _blocks(chunks)
    first = next(blocks)
    if len(first) < BLOCK:
        yield _member(first)
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - small layers need no threads

    workers = min(len(os.sched_getaffinity(0)), _MOST_WORKERS)
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        waiting.append(pool.submit(_member, first))
        for block in blocks:
            waiting.append(pool.submit(_member, block))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of :data:`BLOCK`, the last one shorter; at least one, which may be empty."""
    parts: list[memoryview] = []
    size, empty = 0, True
    for chunk in chunks:
        left = memoryview(chunk)
        while size + len(left) >= BLOCK:
            yield b"".join([*parts, left[: BLOCK - size]])
            left = left[BLOCK - size :]
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
