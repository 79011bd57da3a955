"""Relocated words, millions of them, side by side in two arrays. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

_ROW = np.dtype([("place", "<u8"), ("value", "<u8")])
_WORD = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class Relocated:
    """``places``: addresses of the relocated words, sorted; ``values``: what each holds, before the shift."""

    places: array[int]
    values: array[int]

    def at(self, address: int) -> int | None:
        """What the word there holds; None if it isn't relocated."""
        index = bisect_left(self.places, address)
        return self.values[index] if index < len(self.places) and self.places[index] == address else None


def relocated_of(pairs: Iterable[tuple[int, int]]) -> Relocated:
    """The words of (address, value) pairs; the last of an address counts."""
    rows = np.fromiter(((place & _WORD, value & _WORD) for place, value in pairs), dtype=_ROW)
    order = np.argsort(rows["place"], kind="stable")
    places, values = rows["place"][order].view(np.int64), rows["value"][order].view(np.int64)
    last = np.ones(len(places), dtype=bool)
    last[:-1] = places[1:] != places[:-1]
    return Relocated(array("q", places[last].tobytes()), array("q", values[last].tobytes()))
