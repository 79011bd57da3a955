"""A container in one file beside ``whit run`` of the same image: start to exit of the same programs, as root and as a user.

``python -m tests.bench.bundle [--json] [--rounds N]``, as root. Rounds are interleaved, back to back and with 100 ms between
runs, and by the processors' time that they take; large bundles are kept unpacked, and were started before. Then what a first start takes. Beside them the program alone, bubblewrap on the unpacked files, and podman, for what
people use today. Then the floor: what the copy into memory takes by itself; and what decompressing would.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.bundle_costs import cpu_times, first_starts, floor_rows
from tests.bench.contenders import Contender
from tests.bench.floor import build_true
from tests.bench.launch import BATCH, GAP_SECONDS, measure
from tests.bench.measure import Command, Times, print_table, print_times, summarise
from tests.installed import install
from tests.peers import PROJECT, find_peer
from tests.programs.build import build

if TYPE_CHECKING:
    from collections.abc import Callable

USER = 54321
BASES = ("program alone", "whit run")
FIRSTS = ("bundle --whit-unpack none", "bundle --whit-unpack cache")


@dataclass(frozen=True, slots=True)
class Subject:
    """A program that ends by itself, and what is packed beside it."""

    name: str
    path: Path
    words: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def subjects(folder: Path) -> tuple[Subject, ...]:
    """From next to nothing to tens of megabytes, in a folder that everybody may read."""
    for path in (build("hello", "go"), PROJECT / ".venv" / "bin" / "ruff"):
        shutil.copy(path, folder / path.name.partition(".")[0])
    build_true(folder / "true")
    hello = next(path for path in folder.iterdir() if path.name not in {"true", "ruff"})
    return (
        Subject("C", folder / "true"),
        Subject("Go", hello),
        Subject("Go, certificates, zones", hello, (), ("--needs", "+ca,+zones")),
        Subject("ruff", folder / "ruff", ("--version",)),
    )


def contenders_of(subject: Subject, folder: Path, whit: Path, store: Path) -> list[Contender]:
    """Each way to start it; what it takes is made here."""
    environment = {**os.environ, "WHIT_ROOT": str(store), "HOME": str(store)}
    target = folder / f"{subject.name.replace(', ', '-')}-{os.geteuid()}.run"
    made = [str(whit), "bundle", str(subject.path), "-o", str(target), *subject.options]
    subprocess.run(made, env=environment, check=True, stdout=subprocess.DEVNULL)
    run = (str(whit), "run", "--network", "none", *subject.options, str(subject.path), *subject.words)
    found = [
        Contender("program alone", Command((str(subject.path), *subject.words))),
        Contender("whit run", Command(run, environment)),
        Contender("bundle", Command((str(target), *subject.words), environment)),
        Contender(
            "bundle --whit-unpack none", Command((str(target), "--whit-unpack", "none", *subject.words), environment)
        ),
        Contender(
            "bundle --whit-unpack cache", Command((str(target), "--whit-unpack", "cache", *subject.words), environment)
        ),
    ]
    rootfs = next((path for path in (store / "rootfs").glob("*/") if (path / subject.path.name).exists()), None)
    bwrap = find_peer("bwrap")
    if bwrap and rootfs:
        options = (
            "--unshare-all",
            "--ro-bind",
            str(rootfs),
            "/",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--cap-drop",
            "ALL",
        )
        program = (f"/{subject.path.name}", *subject.words)
        found.append(
            Contender("bwrap (no cgroup, no filter)", Command((str(bwrap), *options, "--new-session", *program)))
        )
    if rootfs and os.geteuid() == 0:
        found.extend(_podman(subject, folder, rootfs))
    return found


def _podman(subject: Subject, folder: Path, rootfs: Path) -> list[Contender]:
    podman = find_peer("podman")
    if podman is None:
        return []
    places = (
        "--root",
        f"{folder}/podman/root",
        "--runroot",
        f"{folder}/podman/run",
        "--tmpdir",
        f"{folder}/podman/tmp",
    )
    base = (str(podman), *places, "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "runc")
    limits = (
        "--ulimit",
        "nofile=1024:1024",
        "--ulimit",
        "nproc=1024:1024",
        "--network",
        "none",
        "--cap-drop",
        "ALL",
    )
    words = ("run", "--rm", *limits, "--rootfs", f"{rootfs}:O", f"/{subject.path.name}", *subject.words)
    return [Contender("podman run --rootfs", Command((*base, *words)), is_slow=True)]


def _sized(subject: Subject, path: Path) -> str:
    return f"{subject.name}: a bundle of {path.stat().st_size / 1e6:.1f} MB"


def measured(programs: tuple[Subject, ...], folder: Path, whit: Path, rounds: int) -> dict[str, dict[str, Times]]:
    """Title → the times of each contender, as whoever this is."""
    found: dict[str, dict[str, Times]] = {}
    who = "root" if os.geteuid() == 0 else "user"
    for number, subject in enumerate(programs):
        field = contenders_of(subject, folder, whit, folder / f"store-{number}")
        size = _sized(subject, Path(field[2].command.arguments[0]))
        for mode, gap in (("back to back", 0.0), ("100 ms between runs", GAP_SECONDS)):
            found[f"{size}, {who}, {mode}"] = measure(field, rounds, gap)
        found[f"{size}, {who}, processors' time"] = cpu_times(field, rounds * BATCH)
        firsts = {one.name: summarise(first_starts(one.command, folder)) for one in field if one.name in FIRSTS}
        found[f"{size}, {who}, first starts"] = firsts
    return found


def as_user(programs: tuple[Subject, ...], folder: Path, whit: Path, rounds: int) -> dict[str, dict[str, Times]]:
    """The same by a user without rights, in a process of its own."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)
        tempfile.tempdir = str(folder)
        times = {
            title: {name: asdict(row) for name, row in rows.items()}
            for title, rows in measured(programs, folder, whit, rounds).items()
        }
        with os.fdopen(write, "w") as stream:
            json.dump(times, stream)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as stream:
        said = json.load(stream)
    os.wait()
    return {title: {name: Times(**row) for name, row in rows.items()} for title, rows in said.items()}


def parts(path: Path) -> list[list[str]]:
    """What decompressing a program takes where the launcher copies it, by libraries that are as fast as any."""
    import zlib  # noqa: PLC0415 - here alone

    import deflate  # noqa: PLC0415
    import zstandard  # noqa: PLC0415

    data = path.read_bytes()
    packed = zstandard.compress(data, 19), deflate.gzip_compress(data, 12), zlib.compress(data, 9)
    ways = (
        ("copied as it is", len(data), lambda: bytearray(data)),
        ("zstd -19", len(packed[0]), lambda: zstandard.decompress(packed[0])),
        ("gzip -12, libdeflate", len(packed[1]), lambda: deflate.gzip_decompress(packed[1])),
        ("zlib -9", len(packed[2]), lambda: zlib.decompress(packed[2])),
    )
    rows = []
    for name, size, way in ways:
        best = min(_seconds(way) for _ in range(10))
        rows.append([name, f"{size / 1e6:.1f}", f"{best * 1000:.1f}"])
    return rows


def _seconds(way: Callable[[], object]) -> float:
    begin = time.perf_counter()
    way()
    return time.perf_counter() - begin


def main() -> None:
    """Measure, and print tables or JSON."""
    parser = argparse.ArgumentParser(description="a container in one file: start to exit")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        for name in ("programs", "root", "user"):
            (folder / name).mkdir()
        programs = subjects(folder / "programs")
        os.chown(folder / "user", USER, USER)
        times = measured(programs, folder / "root", PROJECT / ".venv" / "bin" / "whit", options.rounds)
        whit = install("/usr/bin/python3", folder) / "whit"
        times |= as_user(programs, folder / "user", whit, options.rounds)
        rows = parts(PROJECT / ".venv" / "bin" / "ruff")
        least = floor_rows(PROJECT / ".venv" / "bin" / "ruff", folder)
    if options.json:
        document = {title: {name: asdict(row) for name, row in rows.items()} for title, rows in times.items()}
        sys.stdout.write(
            json.dumps(
                {"schema": "whit.bench.bundle/1", "times": document, "decompressing": rows, "floor": least}, indent=2
            )
            + "\n"
        )
        return
    for title, field in times.items():
        print_times(title, BASES, ((name, row, [field.get(base) for base in BASES]) for name, row in field.items()))
    print_table("the floor: processors' time, shortest of many", ("", "MB", "ms"), least)
    print_table("decompressing ruff into memory", ("", "MB", "ms"), rows)


if __name__ == "__main__":
    main()
