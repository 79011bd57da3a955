"""Many containers: what stays in memory for each that idles, how long 100 starts at once take, and listing them.

``python -m tests.bench.many [--json] [--counts 1,10,100] [--listed 200] [--only NAME,...]``, as root. Each container
has a published port. The largest of the counts is started all at once; a start that fails is counted. Memory is the
proportional set size of all processes that are there for the containers beside their programs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.engines import FIRST_PORT, NAMES, Engine, enter, field
from tests.bench.measure import descendants, print_table, pss, run_timed
from tests.bench.starts import DETACHED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SETTLE_SECONDS = 2.0
PROGRAM = "true"
LISTINGS = 5


@dataclass(frozen=True, slots=True)
class AtOnce:
    """Containers started at the same time."""

    count: int
    failed: int
    seconds: float
    first_error: str


def start_at_once(engine: Engine, first: int, count: int) -> AtOnce:
    """All commands are there before the first one has ended."""
    begin = time.perf_counter()
    commands = [
        engine.serving(DETACHED, f"many-{number}", FIRST_PORT + number) for number in range(first, first + count)
    ]
    started = [
        subprocess.Popen(
            command.arguments, env=command.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )
        for command in commands
    ]  # fmt: skip
    said = [process.communicate()[1] for process in started]
    seconds = time.perf_counter() - begin
    errors = [text for process, text in zip(started, said, strict=True) if process.returncode != 0]
    return AtOnce(count, len(errors), seconds, errors[0].strip() if errors else "")


def _mentioning(folder: Path) -> list[int]:
    """Processes whose command line names something in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.fsencode(folder) in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


def beside_programs(engine: Engine, folder: Path) -> dict[str, list[int]]:
    """Process name → PSS of each that is there for the containers and isn't their program."""
    pids = descendants(engine.daemon)[1:] if engine.daemon else _mentioning(folder / engine.name)
    sizes = defaultdict(list)
    for pid in pids:
        with contextlib.suppress(OSError, RuntimeError):
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            if name != PROGRAM:
                sizes[name].append(pss(pid))
    return dict(sizes)


def _remove(engine: Engine) -> float:
    names = engine.say("ps", "--all", "--quiet").split()
    return run_timed(engine.command("rm", "--force", *names)) if names else 0.0


def measure(engine: Engine, folder: Path, counts: Sequence[int], listed: int) -> dict[str, Any]:
    """All about one engine; nothing runs beforehand and afterwards."""
    memory: dict[str, Mapping[str, list[int]]] = {}
    there, at_once = 0, AtOnce(0, 0, 0, "")
    for count in sorted(counts):
        _remove(engine)
        at_once = start_at_once(engine, there, count)
        there += count
        time.sleep(SETTLE_SECONDS)
        memory[str(count)] = beside_programs(engine, folder)
    running = min(run_timed(engine.command("ps")) for _ in range(LISTINGS))
    removed = _remove(engine)
    for number in range(listed):
        run_timed(engine.serving(("create",), f"listed-{number}", None))
    return {
        "memory": memory,
        "at once": {"count": at_once.count, "failed": at_once.failed, "seconds": at_once.seconds},
        "error": at_once.first_error,
        "ps": running,
        "rm": removed,
        "ps --all": min(run_timed(engine.command("ps", "--all")) for _ in range(LISTINGS)),
    }


def _show(results: Mapping[str, Mapping[str, Any]], listed: int) -> None:
    rows = []
    for name, result in results.items():
        for count, sizes in result["memory"].items():
            for process, values in sorted(sizes.items()):
                mean = sum(values) / len(values) / 1024
                rows.append([name, count, process, str(len(values)), f"{mean:.0f}", f"{sum(values) / 1024:.0f}"])
            total = sum(map(sum, sizes.values())) / 1024
            rows.append([name, count, "all, a container", "", f"{total / int(count):.0f}", f"{total:.0f}"])
    print_table("memory beside idle programs", ["", "containers", "process", "of them", "PSS KiB each", "all"], rows)
    rows = []
    for name, result in results.items():
        done = result["at once"]
        numbers = (done["seconds"], result["rm"], result["ps"] * 1000, result["ps --all"] * 1000)
        rows.append([name, str(done["count"]), str(done["failed"]), *(f"{number:.1f}" for number in numbers)])
    heads = ["", "at once", "failed", "seconds", "rm -f all, s", "ps, ms", f"ps -a of {listed}, ms"]
    print_table(f"many containers, load {os.getloadavg()[0]:.1f}", heads, rows)
    for name, result in results.items():
        if result["error"]:
            sys.stdout.write(f"  {name}: {result['error']}\n")


def main() -> None:
    """One engine after the other, each alone."""
    parser = argparse.ArgumentParser(description="many kept containers")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--counts", default="1,10,100")
    parser.add_argument("--listed", type=int, default=200)
    parser.add_argument("--only", default=",".join(NAMES))
    options = parser.parse_args()
    counts = [int(count) for count in options.counts.split(",")]
    enter("tests.bench.many")
    with field(options.only.split(",")) as found:
        results = {engine.name: measure(engine, found.folder, counts, options.listed) for engine in found.engines}
    if options.json:
        sys.stdout.write(json.dumps({"schema": "whit.bench.many/1", **results}, indent=2) + "\n")
    else:
        _show(results, options.listed)


if __name__ == "__main__":
    main()
