"""Where the instructions of much code begin: a bit for each byte, as there may be millions. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORD = 64
"""Bytes of code whose bits are counted together."""


class Marks:
    """The sorted addresses from ``start`` on that were added. A sixth of a byte for each byte of code, where a list of the addresses takes two."""

    __slots__ = ("_before", "_bits", "_count", "_start")

    def __init__(self, start: int) -> None:
        self._start, self._bits, self._before, self._count = start, bytearray(), array("I"), 0

    def add(self, addresses: array[int] | NDArray[np.int64], size: int) -> None:
        """The addresses in the next ``size`` bytes of code: a multiple of 64 unless they are the last."""
        first = self._start + len(self._before) * _WORD
        marks = np.zeros(-(-size // _WORD) * _WORD, dtype=np.uint8)
        marks[np.frombuffer(addresses, dtype=np.int64) - first] = 1
        counts = marks.reshape(-1, _WORD).sum(axis=1, dtype=np.uint32)
        self._before.frombytes((np.cumsum(counts, dtype=np.uint32) - counts + np.uint32(self._count)).tobytes())
        self._bits += np.packbits(marks, bitorder="little").tobytes()
        self._count += int(counts.sum())

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> int:
        """Raises IndexError beyond the last."""
        if not 0 <= index < self._count:
            raise IndexError(index)
        word = bisect_right(self._before, index) - 1
        bits = self._word(word)
        for _ in range(index - self._before[word]):
            bits &= bits - 1
        return self._start + word * _WORD + (bits & -bits).bit_length() - 1

    def below(self, address: int) -> int:
        """How many are below an address."""
        distance = max(address - self._start, 0)
        word = distance // _WORD
        if word >= len(self._before):
            return self._count
        return self._before[word] + (self._word(word) & (1 << distance % _WORD) - 1).bit_count()

    def _word(self, word: int) -> int:
        return int.from_bytes(self._bits[word * 8 : word * 8 + 8], "little")
