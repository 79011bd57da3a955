"""The sum by which a bundle notices damage as it starts (runtime/launcher/bundle_file.c). Pure.

All bytes, as one number with the first byte highest, modulo the highest prime of 64 bits. Damage within 64 bits is always found, any
other but once in 2⁶⁴. It protects from accidents, not from people: that is what digests and signatures are for.
"""

from __future__ import annotations

PRIME = (1 << 64) - 59
PIECE = 1 << 20
"""Bytes that are summed up at once: Python's large numbers are fastest there."""


def add(total: int, data: bytes) -> int:
    """The sum of ``data`` behind what gave ``total``, which is 0 in the beginning."""
    for start in range(0, len(data), PIECE):
        piece = data[start : start + PIECE]
        total = (total * pow(256, len(piece), PRIME) + int.from_bytes(piece, "big")) % PRIME
    return total
