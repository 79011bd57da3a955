# ruff: noqa: T201 - a table for people
"""Analysing executables: whit beside lief, pyelftools, ``go version -m``, ``readelf`` and ``ldd``, time and memory.

Each runs in a process of its own; a Python library's time is that of its own work, without imports, the best of
several runs. Memory is the most anonymous memory that the process held beyond what it had before: pages of the file
itself aside. What each of them learns differs, and is in the table.

``python -m tests.bench.analyse [FILE…]``; the word ``large`` among the files is a Go program of 770 MB, made for it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.large import large_program
from tests.bench.programs import CRANE, RCLONE, go_program

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 3
POLL_SECONDS = 0.002

_PYTHON = """
import sys, time
path, runs = sys.argv[1], int(sys.argv[2])
{setup}
def anonymous():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))
print("before", anonymous(), flush=True)
sys.stdin.readline()
best, start = 1e9, time.perf_counter()
for _ in range(runs):
    if time.perf_counter() - start > 2:
        break
    begin = time.perf_counter()
    {work}
    best = min(best, time.perf_counter() - begin)
print("took", best, flush=True)
"""


@dataclass(frozen=True, slots=True)
class Contender:
    """``setup`` and ``work`` are Python; or ``command`` is another program. ``tells`` is what it finds out."""

    name: str
    tells: str
    setup: str = ""
    work: str = ""
    command: tuple[str, ...] = ()


WHIT = "from whit.packer.executable.file import open_executable\nfrom whit.packer.needs import {0}, judge_all"
CONTENDERS = (
    Contender(
        "whit, to pack",
        "language, all functions' names, needs",
        WHIT.format("WANTED") + "\nopen_executable(sys.executable, WANTED)",
        "judge_all(open_executable(path, WANTED).analysis)",
    ),
    Contender(
        "whit, to inspect",
        "as above, and constants in calls",
        WHIT.format("DETAILS") + "\nopen_executable(sys.executable, DETAILS)",
        "judge_all(open_executable(path, DETAILS).analysis)",
    ),
    Contender("lief", "headers, sections, symbols", "import lief", "lief.ELF.parse(path)"),
    Contender(
        "pyelftools, headers",
        "headers, sections",
        "from elftools.elf.elffile import ELFFile",
        "list(ELFFile(open(path, 'rb')).iter_sections())",
    ),
    Contender(
        "pyelftools, symbols",
        "names of symbols, if there are any",
        "from elftools.elf.elffile import ELFFile",
        "[s.name for t in ELFFile(open(path, 'rb')).iter_sections() if hasattr(t, 'iter_symbols') for s in t.iter_symbols()]",
    ),
    Contender("go version -m", "build information", command=("go", "version", "-m")),
    Contender("readelf -a", "headers, sections, symbols, notes", command=("readelf", "-a", "-W")),
    Contender("ldd", "libraries, by running the loader", command=("ldd",)),
)


def _anonymous(pid: int) -> int:
    """Kilobytes, 0 when the process is over."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)


def measure(contender: Contender, path: Path) -> tuple[float, int] | None:
    """Seconds and kilobytes; None where it isn't installed or refuses the file."""
    if contender.command:
        program = shutil.which(contender.command[0])
        return _program((program, *contender.command[1:], str(path))) if program else None
    code = _PYTHON.format(setup=contender.setup, work=contender.work)
    line = [sys.executable, "-c", code, str(path), str(RUNS)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        before = int(process.stdout.readline().split()[1])
        process.stdin.write("\n")
        process.stdin.flush()
        most = _watch(process)
        took = process.stdout.readline().split()
    return (float(took[1]), max(most - before, 0)) if took and not process.returncode else None


def _program(line: tuple[str, ...]) -> tuple[float, int] | None:
    best, most = float("inf"), 0
    for _ in range(RUNS):
        begin = time.perf_counter()
        with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            most = max(most, _watch(process))
        best = min(best, time.perf_counter() - begin)
        if process.returncode:
            return None
    return best, most


def _watch(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> int:
    """The most anonymous memory that it is seen to hold, in kilobytes."""
    most = 0
    while process.poll() is None:
        most = max(most, _anonymous(process.pid))
        time.sleep(POLL_SECONDS)
    return most


def warm(path: Path) -> None:
    """Read it once, so that nobody has to wait for the disk."""
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


def rows(paths: list[Path]) -> Iterator[str]:
    """A Markdown table: milliseconds / megabytes, and how many times whit's packing."""
    yield "| | " + " | ".join(f"{path.name}, {path.stat().st_size / 1e6:.0f} MB" for path in paths) + " | tells |"
    yield "|---" * (len(paths) + 2) + "|"
    for path in paths:
        warm(path)
    first: dict[Path, float] = {}
    for contender in CONTENDERS:
        cells = []
        for path in paths:
            found = measure(contender, path)
            if found is None:
                cells.append("-")
                continue
            seconds, kilobytes = found
            ratio = seconds / first.setdefault(path, seconds)
            cells.append(f"{seconds * 1000:.0f} ms, {kilobytes / 1000:.0f} MB ({ratio:.1f} x)")
        yield f"| {contender.name} | " + " | ".join(cells) + f" | {contender.tells} |"


def main() -> None:
    given = [large_program() if name == "large" else Path(name) for name in sys.argv[1:]]
    paths = [path for path in given or map(go_program, (RCLONE, CRANE)) if path is not None]
    print("\n".join(rows(paths)))


if __name__ == "__main__":
    main()
