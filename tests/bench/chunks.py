"""Would content-defined chunks send less of a new version than its layer? Tried on real Go programs; docs/registry.md tells the result.

Two adjacent versions of one program: the registry has the first, the second is to be sent. Beside the whole layer, by
whit's gzip and zstd, stand the chunks that the first doesn't have, each compressed by zstd alone, with 48 bytes for the
mention of each chunk in a list; and what the whole comes to in chunks.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import zstandard

from tests.bench.measure import print_table
from tests.bench.programs import go_program
from tests.peers import BUILD, PROJECT, find_peer
from whit.packer.image.compress import gzip_stream, zstd_stream

PAIRS = (
    ("github.com/nats-io/nats-server/v2", "v2.10.21", "v2.10.22"),
    ("github.com/google/go-containerregistry/cmd/registry", "v0.20.1", "v0.20.2"),
    ("github.com/prometheus/node_exporter", "v1.8.1", "v1.8.2"),
)
FLAGS = {"plain": (), "stripped": ("-ldflags=-s -w",)}
AVERAGES = (12, 14, 16)
"""Bits: chunks of 4, 16 and 64 KiB."""
MENTION = 48
LEVEL = 3


def chunks(cutter: Path, program: Path, bits: int) -> list[bytes]:
    """The program in pieces."""
    told = subprocess.run((cutter, program, str(bits)), capture_output=True, text=True, check=True).stdout
    data, at, found = program.read_bytes(), 0, []
    for size in map(int, told.split()):
        found.append(data[at : at + size])
        at += size
    return found


def sent(cutter: Path, old: Path, new: Path, bits: int) -> tuple[int, int, float]:
    """Bytes to send, in how many chunks, and the seconds that cutting, hashing and compressing took."""
    known = {sha256(chunk).digest() for chunk in chunks(cutter, old, bits)}
    begin = time.perf_counter()
    pieces = chunks(cutter, new, bits)
    fresh = {digest: chunk for chunk in pieces if (digest := sha256(chunk).digest()) not in known}
    size = sum(len(zstandard.compress(chunk, LEVEL)) for chunk in fresh.values())
    return size + MENTION * len(pieces), len(fresh), time.perf_counter() - begin


def all_of(cutter: Path, program: Path, bits: int) -> int:
    """Bytes of the whole as such chunks, which the first push has to send, and whoever has nothing has to fetch."""
    pieces = chunks(cutter, program, bits)
    return sum(len(zstandard.compress(chunk, LEVEL)) for chunk in pieces) + MENTION * len(pieces)


def timed(program: Path, how: str) -> tuple[int, float]:
    """The whole program as whit compresses it: bytes and seconds."""
    begin = time.perf_counter()
    stream = {"gzip": gzip_stream, "zstd": zstd_stream}[how]([program.read_bytes()])
    return sum(map(len, stream)), time.perf_counter() - begin


def main() -> None:
    """Measure and print."""
    compiler = find_peer("musl-gcc") or find_peer("gcc")
    if compiler is None:
        print_table("chunks: there is no C compiler", [""], [])
        return
    with tempfile.TemporaryDirectory() as folder:
        cutter = Path(folder) / "chunks"
        source = PROJECT / "tests" / "bench" / "chunks.c"
        subprocess.run((compiler, "-O3", "-static", "-o", cutter, source), check=True)
        rows = []
        for path, *versions in PAIRS:
            for kind, flags in FLAGS.items():
                folders = [BUILD / "bench" / "chunks" / f"{kind}-{version}" for version in versions]
                made = [
                    go_program(f"{path}@{version}", *flags, folder=place)
                    for version, place in zip(versions, folders, strict=True)
                ]
                if made[0] and made[1]:
                    rows.append(row(cutter, kind, made[0], made[1]))
    sizes = [f"{(1 << bits) >> 10} KiB" for bits in AVERAGES]
    header = [
        "",
        "MB",
        "gzip",
        "zstd",
        *(f"{size} chunks, how many" for size in sizes),
        *(f"all {size}" for size in sizes),
    ]
    print_table("A new version to send: MB (seconds)", header, rows)


def row(cutter: Path, kind: str, old: Path, new: Path) -> list[str]:
    """One line of the table."""
    whole = [timed(new, how) for how in ("gzip", "zstd")]
    pieces = [sent(cutter, old, new, bits) for bits in AVERAGES]
    return [
        f"{new.name}, {kind}",
        megabytes(new.stat().st_size),
        *(f"{megabytes(size)} ({seconds:.2f})" for size, seconds in whole),
        *(f"{megabytes(size)} ({seconds:.2f}), {count}" for size, count, seconds in pieces),
        *(megabytes(all_of(cutter, new, bits)) for bits in AVERAGES),
    ]


def megabytes(size: int) -> str:
    """With two decimals."""
    return f"{size / 1_000_000:.2f}"


if __name__ == "__main__":
    main()
