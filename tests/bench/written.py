"""How fast a container's program can write, with every line in the log afterwards: whit, docker and podman.

``python -m tests.bench.written [--json] [--megabytes N] [--rounds N] [--only NAME,...]``, as root. Lines of 100 bytes,
once each by a write of its own and once 64 KiB at a time: from the program's start to the last write to the log, which
is read and counted then. The floor is the same program into a pipe, and ``cat`` from there into a file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.bench.contenders import IMAGE
from tests.bench.engines import NAMES, Engine, Field, enter, field
from tests.bench.measure import print_table, run_timed
from tests.bench.starts import DETACHED

if TYPE_CHECKING:
    from collections.abc import Mapping

LINE = 100
CHUNKS = {"a line a write": LINE, "64 KiB a write": 65536}
PATIENCE_SECONDS = 120.0
POLL_SECONDS = 0.02
LOGS = {"whit": (), "docker": ("--log-driver", "json-file"), "podman": ("--log-driver", "k8s-file")}
PART = b" P "
"""A part of a line in the form that whit and podman write."""
Results = dict[tuple[str, str], tuple[float, int]]
"""(way to write, engine) → seconds of the middle run, lines lost in all runs."""


def _log_of(engine: Engine, page: Mapping[str, Any]) -> Path:
    if engine.environment and "WHIT_ROOT" in engine.environment:
        return Path(engine.environment["WHIT_ROOT"]) / "containers" / str(page["Id"]) / "log"
    place: str = page["LogPath"] if engine.name == "docker" else page["HostConfig"]["LogConfig"]["Path"]
    return Path(place)


def _lines_in(log: Path) -> int:
    with log.open("rb") as lines:
        return sum(PART not in line[:50] for line in lines)


def write_logged(engine: Engine, name: str, lines: int, chunk: int) -> tuple[float, int]:
    """Seconds from the program's start to the last write to the log, and how many lines aren't there."""
    words = (*LOGS[engine.name], "--name", name, "--network", "none", IMAGE, "write", str(lines), str(chunk))
    run_timed(engine.made(DETACHED, *words))
    run_timed(engine.command("wait", name))
    [page] = json.loads(engine.say("inspect", name))
    log = _log_of(engine, page)
    end = time.monotonic() + PATIENCE_SECONDS
    while log.stat().st_size < lines * LINE and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    seconds = log.stat().st_mtime - datetime.fromisoformat(page["State"]["StartedAt"]).timestamp()
    lost = lines - _lines_in(log)
    engine.say("rm", "--force", name)
    return seconds, lost


def write_to_cat(found: Field, lines: int, chunk: int) -> tuple[float, int]:
    """Without any engine."""
    log = found.folder / "plain"
    begin = time.perf_counter()
    with log.open("wb") as target:
        writing = subprocess.Popen([found.program, "write", str(lines), str(chunk)], stdout=subprocess.PIPE)
        subprocess.run(["cat"], stdin=writing.stdout, stdout=target, check=True)
        writing.communicate()
    seconds = time.perf_counter() - begin
    lost = lines - _lines_in(log)
    log.unlink()
    return seconds, lost


def measure(found: Field, rounds: int, lines: int) -> Results:
    """Rounds alternate between the engines."""
    runs: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for number in range(rounds):
        for way, chunk in CHUNKS.items():
            runs.setdefault((way, "floor"), []).append(write_to_cat(found, lines, chunk))
            for engine in found.engines:
                done = write_logged(engine, f"written-{number}-{chunk}", lines, chunk)
                runs.setdefault((way, engine.name), []).append(done)
    return {key: (median(run[0] for run in done), sum(run[1] for run in done)) for key, done in runs.items()}


def _show(results: Mapping[tuple[str, str], tuple[float, int]], megabytes: int) -> None:
    rows = []
    for (way, name), (seconds, lost) in sorted(results.items(), key=lambda item: item[0][0]):
        ratios = [seconds / results[way, base][0] if (way, base) in results else 0 for base in ("floor", "docker")]
        speed = f"{megabytes / seconds:.0f}"
        rows.append([f"{way}  {name}", f"{seconds:.2f}", speed, str(lost), *(f"{ratio:.2f}" for ratio in ratios)])
    title = f"{megabytes} MB of lines into a log, load {os.getloadavg()[0]:.1f}"
    print_table(title, ["", "seconds", "MB/s", "lost", "÷ floor", "÷ docker"], rows)


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description="a program's output into its log")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(NAMES))
    options = parser.parse_args()
    enter("tests.bench.written")
    with field(options.only.split(",")) as found:
        results = measure(found, options.rounds, options.megabytes * 1_000_000 // LINE)
    if options.json:
        rows = {f"{name} {way}": {"seconds": done[0], "lost": done[1]} for (way, name), done in results.items()}
        sys.stdout.write(json.dumps({"schema": "whit.bench.written/1", **rows}, indent=2) + "\n")
    else:
        _show(results, options.megabytes)


if __name__ == "__main__":
    main()
