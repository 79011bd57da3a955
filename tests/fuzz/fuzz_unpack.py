"""Damaged and hostile layers, for as long as it is let: ``python tests/fuzz/fuzz_unpack.py [SECONDS] [SEED]``.

Whatever the bytes are, unpacking ends with files inside the folder or with an error of whit's own, and nothing beside
the folder has changed.
"""

# ruff: noqa: T201 - a script: the path is set first

from __future__ import annotations

import gzip
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.unit.packer.test_unpack import ESCAPES, archive, unpack
from whit.packer.image.decompress import gunzip
from whit.packer.support.errors import WhitError


def one(chance: random.Random, seeds: list[bytes], place: Path) -> None:
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(6)):
        position = chance.randrange(len(data))
        if chance.random() < 0.7:
            data[position] = chance.choice((0, 0x2F, 0x30, 0x37, 0x80, 0xFF, chance.randrange(256)))
        else:
            data[position:] = chance.choice(seeds)[position:]
    try:
        if chance.random() < 0.3:
            packed = bytearray(gzip.compress(bytes(data)))
            packed[chance.randrange(len(packed))] = chance.randrange(256)
            data = bytearray(b"".join(gunzip(iter([bytes(packed)]), len(packed))))
        unpack(place, bytes(data))
    except WhitError as error:
        assert "\n" not in error.message  # noqa: PT017 - an error is allowed, not asked for


def main(seconds: float = 60, seed: int = 0) -> None:
    chance, end, rounds = random.Random(seed), time.monotonic() + seconds, 0
    seeds = [archive(*members) for members in ESCAPES.values()]
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            secret = Path(folder, "secret")
            secret.write_text("secret")
            one(chance, seeds, Path(folder))
            assert sorted(path.name for path in Path(folder).iterdir()) in (["inside", "secret"], ["secret"])
            assert secret.read_text() == "secret"
        rounds += 1
    print(f"{rounds} layers, nothing outside")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(float(given[0]) if given else 60, int(given[1]) if given[1:] else 0)
