"""Start to exit of programs with the filter of their own calls, beside the default one: whether a tighter filter costs time.

``python -m tests.bench.filtered [--json] [--rounds N]``: ``whit run`` of an image of a C, a Go and a large program, packed
with ``--seccomp auto`` and without, in turns, so that what else the machine does falls on both alike.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import Command, Times, print_table, run_timed, summarise
from tests.peers import PROJECT
from tests.programs.build import ToolchainMissingError, build
from tests.programs.real import real_program
from tests.programs.registries import ProgramMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WHIT = str(PROJECT / ".venv" / "bin" / "whit")
ROUNDS = 60
_PROGRAMS: dict[str, tuple[Callable[[], Path], tuple[str, ...]]] = {
    "C hello": (lambda: build("hello", "c-zig"), ()),
    "Go hello": (lambda: build("hello", "go"), ()),
    "ruff": (lambda: real_program("ruff"), ("--version",)),
}


def measure(rounds: int, folder: Path) -> dict[str, dict[str, Times]]:
    """Program → filter → times, of all programs that can be had here."""
    environment = {**os.environ, "WHIT_ROOT": str(folder)}
    found: dict[str, dict[str, Times]] = {}
    for name, (fetch, arguments) in _PROGRAMS.items():
        try:
            program = fetch()
        except (ProgramMissingError, ToolchainMissingError) as error:
            sys.stderr.write(f"{name}: left out: {error}\n")
            continue
        commands = {kind: _packed(program, arguments, kind, environment) for kind in ("default", "proven")}
        seconds: dict[str, list[float]] = {kind: [] for kind in commands}
        for _ in range(rounds):
            for kind, command in commands.items():
                seconds[kind].append(run_timed(command))
        found[name] = {kind: summarise(values) for kind, values in seconds.items()}
    return found


def _packed(program: Path, arguments: tuple[str, ...], kind: str, environment: Mapping[str, str]) -> Command:
    """The command that runs it, after the first time: that one makes the plan."""
    tag, filtered = f"{program.name}-{kind}", ["--seccomp", "auto"] if kind == "proven" else []
    subprocess.run([WHIT, "pack", *filtered, program, "-t", tag], env=environment, check=True, capture_output=True)
    command = Command((WHIT, "run", "--network", "none", tag, *arguments), environment=environment)
    run_timed(command)
    return command


def main() -> None:
    parser = argparse.ArgumentParser(description="starts with a program's own filter and without")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as folder:
        found = measure(options.rounds, Path(folder))
    if options.json:
        programs = {name: {kind: asdict(times) for kind, times in kinds.items()} for name, kinds in found.items()}
        sys.stdout.write(json.dumps({"schema": "whit.bench.filtered/1", "programs": programs}, indent=2) + "\n")
        return
    rows = []
    for name, kinds in found.items():
        default, proven = kinds["default"], kinds["proven"]
        times = [f"{value:.2f}" for each in (default, proven) for value in (each.least, each.median)]
        ratios = [f"{proven.least / default.least:.2f}", f"{proven.median / default.median:.2f}", str(proven.runs)]
        rows.append([name, *times, *ratios])
    header = ["", "default min ms", "median", "own min ms", "median", "÷ min", "÷ median", "runs"]
    print_table("start to exit, by the filter", header, rows)


if __name__ == "__main__":
    main()
