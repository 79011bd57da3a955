"""``up -d`` and ``down`` of projects, whit and docker compose in turns: ``python -m tests.bench.compose [--json] [--services 2,20] [--runs 7]``, as root.

docker compose is the program that WHIT_BENCH_COMPOSE names, else the one in build/peers; without one whit runs alone. Both run busybox from images of
their own; the times are those of whole commands, and one run of each is thrown away.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import print_table
from tests.integration.netlab import start_namespace
from tests.peers import PROJECT
from tests.peers.dockerd import start_dockerd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BUSYBOX = Path("/bin/busybox")
WHIT = PROJECT / ".venv" / "bin" / "whit"


@dataclass(frozen=True, slots=True)
class Contender:
    """Who runs projects: the words before a verb, and the environment."""

    name: str
    before: tuple[str, ...]
    environment: Mapping[str, str]

    def call(self, folder: Path, *words: str) -> float:
        """Run a verb to its end; the seconds. Raises RuntimeError with what was said."""
        begin = time.perf_counter()
        done = subprocess.run(
            [*self.before, "--progress", "quiet", *words], cwd=folder, env={**self.environment, "PWD": str(folder)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        seconds = time.perf_counter() - begin
        if done.returncode:
            raise RuntimeError(f"{self.name} {' '.join(words)}: {done.stderr}")
        return seconds


def project_text(count: int) -> str:
    """A file of so many services, each but the first after another one."""
    lines = ["services:"]
    for number in range(count):
        after = f", depends_on: [s{(number - 1) // 2}]" if number else ""
        lines.append(f'  s{number}: {{image: "bench:1", command: [/busybox, sleep, "1000"], init: true{after}}}')
    return "\n".join([*lines, ""])


def measure(contenders: Sequence[Contender], folder: Path, runs: int) -> dict[str, dict[str, list[float]]]:
    """Contender → verb → seconds, in turns."""
    found: dict[str, dict[str, list[float]]] = {one.name: {"up": [], "down": []} for one in contenders}
    for run in range(runs + 1):
        for one in contenders:
            times = {"up": one.call(folder, "up", "-d"), "down": one.call(folder, "down", "-t", "5")}
            for verb, seconds in times.items() if run else ():
                found[one.name][verb].append(seconds)
    return found


def compose_program() -> Path | None:
    """docker compose, where there is one."""
    places = (os.environ.get("WHIT_BENCH_COMPOSE"), PROJECT / "build" / "peers" / "docker-compose")
    return next((Path(place) for place in places if place and Path(place).exists()), None)


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--services", default="2,20")
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    program = compose_program()
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as name, start_dockerd(Path(name)) as daemon:
        place = Path(name)
        archive = place / "busybox.tar"
        subprocess.run(["tar", "-cf", archive, "-C", BUSYBOX.parent, BUSYBOX.name], check=True)
        daemon.docker("import", archive, "bench:1")
        host = start_namespace("host")
        host.command("ip link set lo up")
        environment = {**os.environ, "WHIT_ROOT": str(place / "whit")}
        subprocess.run([WHIT, "import", archive, "bench:1"], env=environment, check=True, capture_output=True)
        enter = ("nsenter", f"--net=/proc/{host.pid}/ns/net")
        contenders = [Contender("whit", (*enter, str(WHIT), "compose"), environment)]
        if program is not None:
            contenders.append(Contender("docker compose", (str(program),), daemon.environment))
        rows = []
        for count in map(int, given.services.split(",")):
            folder = place / f"bench{count}"
            folder.mkdir()
            (folder / "compose.yaml").write_text(project_text(count))
            found = measure(contenders, folder, given.runs)
            for verb in ("up", "down"):
                own = statistics.median(found["whit"][verb])
                other = statistics.median(found["docker compose"][verb]) if program else None
                rows.append((count, verb, own, min(found["whit"][verb]), other, own / other if other else None))
        host.end()
    if given.json:
        keys = ("services", "verb", "whit_s", "whit_best_s", "docker_s", "ratio")
        sys.stdout.write(json.dumps([dict(zip(keys, row, strict=True)) for row in rows]) + "\n")
    else:
        shown = [
            (str(row[0]), row[1], *("-" if value is None else f"{value:.3f}" for value in row[2:])) for row in rows
        ]
        print_table("Projects, seconds", ("services", "verb", "whit s", "best", "docker compose s", "ratio"), shown)


if __name__ == "__main__":
    main()
