"""The sum by which a bundle notices damage as it starts (runtime/launcher/bundle_sum.c). Pure.

Words of 64 bits stand eight in a line, 64 lines in a page. Each of a page's eight columns is summed up modulo 2⁶⁴, line r
129 - 2r times; and the columns of all pages are the digits of one number to the base 2⁶⁴, of which the rest modulo the highest
prime of 64 bits is the sum. A changed word is missed once in 2⁵⁷, and so are lines and pages that have changed places. It protects
from accidents, not from people: that is what digests and signatures are for.
"""

from __future__ import annotations

import struct
from operator import mul
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PRIME = (1 << 64) - 59
PAGE = 4096
_COLUMNS = 8
_WEIGHTS = tuple(range(129, 1, -2))
_WORDS = struct.Struct("=512Q")
_MASK = (1 << 64) - 1


def add(total: int, data: bytes) -> int:
    """The sum of ``data`` behind what gave ``total``, which is 0 in the beginning.

    What is no whole page is taken for one with zeros at its end: how long something is, it doesn't tell.
    """
    for start in range(0, len(data), PAGE):
        words = _WORDS.unpack(data[start : start + PAGE].ljust(PAGE, b"\0"))
        for column in range(_COLUMNS):
            # 2⁶⁴ is 59 modulo the prime.
            total = (total * 59 + (sum(map(mul, _WEIGHTS, words[column::_COLUMNS])) & _MASK)) % PRIME
    return total


def in_pages(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that can be summed up one behind the other: whole pages, but for the last one."""
    rest = b""
    for piece in pieces:
        whole = rest + piece
        end = len(whole) - len(whole) % PAGE
        if end:
            yield whole[:end]
        rest = whole[end:]
    if rest:
        yield rest
