"""NaCl's ``crypto_secretbox_open``: XSalsa20 and Poly1305 (Bernstein, "Cryptography in NaCl", 2009). Pure.

Cosign's key files are closed with it, and hold some hundred bytes: what is slow in Python is fast enough for them.
"""

from __future__ import annotations

import hmac
import struct
from itertools import count

_SIGMA = b"expand 32-byte k"
_WORD = 0xFFFFFFFF
_TAG = 16
_PRIME = (1 << 130) - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
_ROUNDS = (
    (0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11), (0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14),
)  # fmt: skip


def opened(box: bytes, nonce: bytes, key: bytes) -> bytes | None:
    """What is in a box; None where the key is another one or a byte was changed. ``nonce`` has 24 bytes, ``key`` 32."""
    if len(nonce) != 24 or len(key) != 32 or len(box) < _TAG:  # noqa: PLR2004 - NaCl's sizes
        return None
    subkey = _hsalsa(key, nonce[:16])
    stream = _stream(subkey, nonce[16:], 32 + len(box) - _TAG)
    tag, text = box[:_TAG], box[_TAG:]
    if not hmac.compare_digest(_poly1305(text, stream[:32]), tag):
        return None
    return bytes(one ^ other for one, other in zip(text, stream[32:], strict=True))


def _rounds(state: list[int]) -> list[int]:
    words = list(state)
    for _ in range(10):
        for a, b, c, d in _ROUNDS:
            words[b] ^= _rotated(words[a] + words[d], 7)
            words[c] ^= _rotated(words[b] + words[a], 9)
            words[d] ^= _rotated(words[c] + words[b], 13)
            words[a] ^= _rotated(words[d] + words[c], 18)
    return words


def _rotated(value: int, by: int) -> int:
    value &= _WORD
    return (value << by | value >> (32 - by)) & _WORD


def _state(key: bytes, middle: bytes) -> list[int]:
    """Salsa20's matrix: constants on the diagonal, the key, and 16 bytes of nonce and counter."""
    sigma, k, n = (struct.unpack(f"<{len(part) // 4}I", part) for part in (_SIGMA, key, middle))
    return [sigma[0], *k[:4], sigma[1], *n, sigma[2], *k[4:], sigma[3]]


def _hsalsa(key: bytes, nonce: bytes) -> bytes:
    words = _rounds(_state(key, nonce))
    return struct.pack("<8I", *(words[index] for index in (0, 5, 10, 15, 6, 7, 8, 9)))


def _stream(key: bytes, nonce: bytes, size: int) -> bytes:
    found = bytearray()
    for number in count():
        if len(found) >= size:
            break
        state = _state(key, nonce + struct.pack("<Q", number))
        words = ((one + other) & _WORD for one, other in zip(_rounds(state), state, strict=True))
        found += struct.pack("<16I", *words)
    return bytes(found[:size])


def _poly1305(text: bytes, key: bytes) -> bytes:
    r = int.from_bytes(key[:16], "little") & _CLAMP
    total = 0
    for start in range(0, len(text), 16):
        total = (total + int.from_bytes(text[start : start + 16] + b"\1", "little")) * r % _PRIME
    return ((total + int.from_bytes(key[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")
