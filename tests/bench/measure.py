"""Start programs, and say how long they took and how much memory they held; tables for people."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SAMPLE_SECONDS = 0.01
PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Command:
    """What to start; ``beside`` names processes that do part of the work for it: a daemon."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] | None = None
    beside: int | None = None


@dataclass(frozen=True, slots=True)
class Times:
    """Of many runs, in milliseconds."""

    least: float
    median: float
    p90: float
    runs: int


def summarise(seconds: Sequence[float]) -> Times:
    """Milliseconds from seconds; at least two runs."""
    milliseconds = sorted(value * 1000 for value in seconds)
    p90 = statistics.quantiles(milliseconds, n=10, method="inclusive")[-1]
    return Times(milliseconds[0], statistics.median(milliseconds), p90, len(milliseconds))


def run_timed(command: Command) -> float:
    """Seconds from the start of the program to its exit; raises when its exit code isn't 0.

    posix_spawn borrows the parent's memory instead of copying its page tables, so the size of this Python doesn't count.
    """
    with tempfile.TemporaryFile() as said:
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, said.fileno(), 2),
        ]
        environment = command.environment or os.environ
        begin = time.perf_counter()
        pid = os.posix_spawnp(command.arguments[0], command.arguments, environment, file_actions=files)
        _, status = os.waitpid(pid, 0)
        elapsed = time.perf_counter() - begin
        code = os.waitstatus_to_exitcode(status)
        if code != 0:
            said.seek(0)
            reason = said.read().decode(errors="replace")
            raise RuntimeError(f"{' '.join(command.arguments)}: exit code {code}\n{reason}")
    return elapsed


def descendants(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found.extend(map(int, task.read_text().split()))
            except OSError:
                continue
    return found


def _resident(pids: Sequence[int]) -> int:
    pages = 0
    for pid in pids:
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return pages * PAGE_SIZE


def run_weighed(command: Command) -> tuple[float, int]:
    """Seconds, and the peak of the resident bytes of all processes that work for the command, sampled each 10 ms.

    What a daemon held before doesn't count: it is there for other reasons.
    """
    before = _resident(descendants(command.beside)) if command.beside else 0
    peak = 0
    done = threading.Event()

    def sample() -> None:
        nonlocal peak
        own = os.getpid()
        while not done.is_set():
            pids = [pid for pid in descendants(own) if pid != own]
            if command.beside and command.beside not in pids:
                pids += descendants(command.beside)
            peak = max(peak, _resident(pids) - before)
            done.wait(SAMPLE_SECONDS)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        return run_timed(command), peak
    finally:
        done.set()
        sampler.join()


def pss(pid: int) -> int:
    """Proportional set size of one process, in bytes: shared pages count by share."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} has no Pss: a zombie")


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The first column to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    sys.stdout.write(f"\n{title}\n")
    for row in (header, *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        sys.stdout.write(f"  {'  '.join(cells)}\n")
    sys.stdout.flush()


def print_times(title: str, bases: Sequence[str], rows: Iterable[tuple[str, Times, Sequence[Times | None]]]) -> None:
    """Of each row (name, times, the bases' times): the times, and the median beside each base's, which may be None."""
    cells = []
    for name, times, others in rows:
        ratios = [f"{times.median / base.median:.2f}" if base else "-" for base in others]
        cells.append([name, f"{times.least:.2f}", f"{times.median:.2f}", f"{times.p90:.2f}", *ratios, str(times.runs)])
    print_table(title, ["", "min ms", "median", "p90", *(f"÷ {base}" for base in bases), "runs"], cells)
