"""What a start of a bundle costs in processors' time, and the physical floor of it: for machines that have much else to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from tests.bench.floor import build_own
from tests.bench.measure import Command, Times, summarise

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.bench.contenders import Contender

ROUNDS = 20
FILES, FILE_SIZE = 635, 800
"""As many as a program with certificates and all time zones has, of their usual size."""


def _cpu_seconds(command: Command) -> float:
    """Of the program and all that it waits for. Raises where its exit code isn't 0."""
    files = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1)]
    pid = os.posix_spawnp(
        command.arguments[0], command.arguments, command.environment or os.environ, file_actions=files
    )
    _, status, used = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"{' '.join(command.arguments)}: {status}")
    return used.ru_utime + used.ru_stime


def cpu_times(field: Iterable[Contender], rounds: int) -> dict[str, Times]:
    """Each contender's, interleaved; those that are slow work by daemons, whose time can't be told."""
    quick = [contender for contender in field if not contender.is_slow]
    seconds: dict[str, list[float]] = {contender.name: [] for contender in quick}
    for _ in range(max(rounds, 2)):
        for contender in quick:
            seconds[contender.name].append(_cpu_seconds(contender.command))
    return {name: summarise(values) for name, values in seconds.items()}


def first_starts(command: Command, home: Path) -> list[float]:
    """Seconds from start to exit of a bundle's first starts: its cache is emptied before each."""
    environment = {**(command.environment or os.environ), "XDG_CACHE_HOME": str(home / "cache")}
    seconds = []
    for _ in range(ROUNDS):
        shutil.rmtree(home / "cache", ignore_errors=True)
        begin = time.perf_counter()
        subprocess.run(command.arguments, env=environment, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - begin)
    return seconds


def floor_rows(program: Path, folder: Path) -> list[list[str]]:
    """What the copy of a program's bytes into memory, and making files there, takes at the least."""
    built = build_own("bundle_floor", folder / "bundle_floor")
    words = [str(built), str(program), str(FILES), str(FILE_SIZE), str(ROUNDS)]
    copied, made = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    size = program.stat().st_size / 1e6
    return [
        [f"{program.name}'s bytes written into fresh memory", f"{size:.1f}", f"{float(copied):.1f}"],
        [f"{FILES} files of {FILE_SIZE} bytes made there", f"{FILES * FILE_SIZE / 1e6:.1f}", f"{float(made):.1f}"],
    ]
