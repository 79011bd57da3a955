"""Readers of bytes are given seeds with a few bytes changed, for as long as is wanted: what they say must be an error of whit's."""

from __future__ import annotations

import contextlib
import random
import time
from typing import TYPE_CHECKING

from whit.packer.support.errors import WhitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SLOW = 0.5
"""Seconds of the processor's that no answer may take."""


def changed(chance: random.Random, base: bytes) -> bytes:
    """The bytes with a few of them changed, doubled or cut off."""
    data = bytearray(base)
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(data) + 1)
        if chance.random() < 0.5:
            data[place : place + 1] = bytes(
                [chance.choice((0, 0x22, 0x2C, 0x3D, 0x5C, 0x80, 0xFF, chance.randrange(256)))]
            )
        elif chance.random() < 0.5:
            data[place:place] = data[place : place + chance.randrange(40)] * chance.randrange(1, 30)
        else:
            del data[place : place + chance.randrange(10)]
    return bytes(data)


def rounds(
    known: Sequence[tuple[Callable[[bytes], None], bytes]], seconds: float, seed: int, slow: float = SLOW
) -> int:
    """How many there were. Whatever else is raised is raised, with what was read printed before."""
    chance, end, count = random.Random(seed), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        read, base = chance.choice(known)
        data = changed(chance, base)
        begin = time.process_time()
        try:
            with contextlib.suppress(WhitError):
                read(data)
        except BaseException:
            print(f"{read.__name__}({data!r})")  # noqa: T201 - what a person runs
            raise
        assert time.process_time() - begin < slow, f"{read.__name__}({data!r}) is slow"
        count += 1
    return count
