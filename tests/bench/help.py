"""How long ``whit --help`` makes a person wait, beside importing click, which it can't do without."""

from __future__ import annotations

import os
from statistics import median

from tests.bench.measure import Command, print_table, run_timed, summarise
from tests.peers import PROJECT

RUNS = 40
BIN = PROJECT / ".venv" / "bin"


def main() -> None:
    """Interleaved runs, both with compiled modules in place."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    commands = {
        "python -c 'import click'": Command((str(BIN / "python"), "-c", "import click"), plain),
        "whit --help": Command((str(BIN / "whit"), "--help"), plain),
        "whit --version": Command((str(BIN / "whit"), "--version"), plain),
    }
    seconds: dict[str, list[float]] = {name: [run_timed(command)] for name, command in commands.items()}
    for _ in range(RUNS):
        for name, command in commands.items():
            seconds[name].append(run_timed(command))
    base = median(next(iter(seconds.values()))[1:])
    rows = []
    for name, values in seconds.items():
        row = summarise(values[1:])
        times = (f"{row.least:.1f}", f"{row.median:.1f}", f"{row.p90:.1f}")
        rows.append([name, *times, f"{median(values[1:]) / base:.2f}"])
    print_table("help", ["", "min ms", "median", "p90", "÷ click"], rows)


if __name__ == "__main__":
    main()
