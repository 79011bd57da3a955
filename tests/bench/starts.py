"""Kept containers' lives, a command after the other: whit, docker and podman beside each other.

``python -m tests.bench.starts [--json] [--rounds N] [--only NAME,...]``, as root. Rounds alternate between the engines,
back to back and with 100 ms before each command. ``run -d`` counts until the command returns and until the container's
program answers at the published port. The floor is a static program that starts in namespaces of its own, and ends.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from tests.bench.engines import FIRST_PORT, NAMES, Engine, Field, await_answer, enter, field
from tests.bench.launch import GAP_SECONDS
from tests.bench.measure import Times, print_times, run_timed, summarise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DETACHED = ("run", "--detach")
PEERS = ("docker", "podman")
FLOOR = "the program alone"


def _lives(engine: Engine, number: int, gap: float) -> Iterator[tuple[str, float]]:
    """(what, seconds) of all that happens to three containers."""
    port, name = FIRST_PORT + number, f"bench-{number}"
    time.sleep(gap)
    begin = time.perf_counter()
    yield "run -d -p", run_timed(engine.serving(DETACHED, name, port))
    await_answer(engine.namespace, port)
    yield "run -d -p, answers", time.perf_counter() - begin
    time.sleep(gap)
    yield "rm -f, running", run_timed(engine.command("rm", "--force", name))
    time.sleep(gap)
    yield "run -d, no network", run_timed(engine.serving(DETACHED, name, None))
    run_timed(engine.command("rm", "--force", name))
    commands = {
        "create": engine.serving(("create",), name, port),
        "start": engine.command("start", name),
        "exec": engine.command("exec", name, "/true"),
        "logs": engine.command("logs", name),
        "ps": engine.command("ps"),
        "inspect": engine.command("inspect", name),
        "stop": engine.command("stop", name),
        "rm": engine.command("rm", name),
    }
    for verb, command in commands.items():
        time.sleep(gap)
        yield verb, run_timed(command)


def measure(found: Field, rounds: int, gap: float) -> dict[tuple[str, str], Times]:
    """(what, engine) → its times; the first round is to warm up."""
    seconds: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds + 1):
        for engine in found.engines:
            for what, value in _lives(engine, number, gap):
                if number:
                    seconds.setdefault((what, engine.name), []).append(value)
        time.sleep(gap)
        seconds.setdefault((FLOOR, "floor"), []).append(run_timed(found.floor))
    return {key: summarise(values) for key, values in seconds.items()}


def show(title: str, times: Mapping[tuple[str, str], Times]) -> None:
    """The engines' rows of one thing below each other."""
    order = list(dict.fromkeys(what for what, _ in times))
    rows = sorted(times.items(), key=lambda item: order.index(item[0][0]))
    print_times(
        title,
        PEERS,
        ((f"{what}  {name}", row, [times.get((what, peer)) for peer in PEERS]) for (what, name), row in rows),
    )


def main() -> None:
    """Measure, and print tables or JSON."""
    parser = argparse.ArgumentParser(description="lives of kept containers")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", default=",".join(NAMES))
    options = parser.parse_args()
    enter("tests.bench.starts")
    with field(options.only.split(",")) as found:
        results = {
            "back to back": measure(found, options.rounds, 0),
            "100 ms before each": measure(found, options.rounds, GAP_SECONDS),
        }
    if options.json:
        rows = {
            title: {f"{name} {what}": asdict(row) for (what, name), row in times.items()}
            for title, times in results.items()
        }
        sys.stdout.write(json.dumps({"schema": "whit.bench.starts/1", **rows}, indent=2) + "\n")
        return
    for title, times in results.items():
        show(f"kept containers, {title}, load {os.getloadavg()[0]:.1f}", times)


if __name__ == "__main__":
    main()
