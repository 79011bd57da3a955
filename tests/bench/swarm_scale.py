"""What grows on a swarm with the number of services: ``python -m tests.bench.swarm_scale [--json] [--services 1,5,20,40]``, as root.

Three hosts in namespaces; services of one static program with one task each, in one overlay, deployed at once by ``whit stack`` and removed again;
then as many tasks of one service. Times are those of whole commands, less the 5 s for which all has to be steady; memory is the proportional set size
of the engines (dockerd, containerd, a shim for each task) on all hosts, less what they had before.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import descendants, print_table, pss
from tests.integration.swarms import IMAGE, Stacks, stacks
from tests.peers import PROJECT
from whit.runtime.scaleout.swarm.watching import STEADY

if TYPE_CHECKING:
    from collections.abc import Callable

WHIT = PROJECT / ".venv" / "bin" / "whit"
SERVICE = '{{image: "{image}", entrypoint: [/busybox, sleep, "100000"], stop_signal: KILL, scale: {tasks}}}'


@dataclass(frozen=True, slots=True)
class Grown:
    """Of a stack of so many services and tasks."""

    services: int
    tasks: int
    deploy_seconds: float
    deploy_cpu_seconds: float
    rm_seconds: float
    rm_cpu_seconds: float
    engines_kilobytes: int


def _text(services: int, tasks: int) -> str:
    lines = [f"  s{number}: {SERVICE.format(image=IMAGE, tasks=tasks)}" for number in range(services)]
    return "\n".join(["services:", *lines, ""])


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """(Seconds, seconds of the processor of what was started and waited for.)"""
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - begin, now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime


def _engines(made: Stacks) -> int:
    """Kilobytes of all engines."""
    total = 0
    for node in made.swarm.nodes:
        for pid in descendants(node.process.pid):
            try:
                if Path(f"/proc/{pid}/comm").read_text().startswith(("dockerd", "containerd")):
                    total += pss(pid)
            except (FileNotFoundError, ProcessLookupError, RuntimeError):
                continue
    return total // 1024


def grown(made: Stacks, services: int, tasks: int) -> Grown:
    """One stack, deployed and removed."""
    before = _engines(made)
    made.write(_text(services, tasks))
    deployed = _timed(lambda: made.deploy("--insecure"))
    memory = _engines(made) - before
    removed = _timed(lambda: made("rm", "shop"))
    # Engines take their containers down after the services have gone.
    made.until(lambda: not any(node.engine.docker("ps", "-q").stdout for node in made.swarm.nodes))
    (up, up_cpu), (down, down_cpu) = deployed, removed
    up -= STEADY
    return Grown(services, services * tasks, round(up, 2), round(up_cpu, 2), round(down, 2), round(down_cpu, 2), memory)


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--services", default="1,5,20,40")
    given = parser.parse_args()
    counts = [int(count) for count in given.services.split(",")]
    with tempfile.TemporaryDirectory(prefix="whit-scale-") as name, stacks(WHIT, Path(name), 3) as made:
        made.write(_text(1, 3))
        # All nodes have the image before anything is measured.
        made.deploy("--push", "--insecure")
        made("rm", "shop")
        found = [grown(made, count, 1) for count in counts] + [grown(made, 1, count) for count in counts if count > 1]
    rows = [asdict(one) for one in found]
    if given.json:
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    print_table("Stacks on three nodes", tuple(rows[0]), [tuple(str(value) for value in row.values()) for row in rows])


if __name__ == "__main__":
    main()
