"""A stack on a swarm of one manager and two workers, by whit and by docker from a file written by hand: ``python -m tests.bench.swarm [--json]``, as root.

Deployed, scaled, a worker killed: the seconds of the commands, the seconds until all tasks are elsewhere, and what a client within the
overlay, that asks a service by its name 50 times a second, loses.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.measure import print_table
from tests.integration.swarms import APPLICATION, SWARMED, Stacks, stacks
from tests.peers import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable

WHIT = PROJECT / ".venv" / "bin" / "whit"
BY_HAND = f"""
version: "3.13"
services:
  work:
    image: {SWARMED}
    deploy: {{replicas: 3, endpoint_mode: dnsrr}}
  web:
    image: {SWARMED}
    ports: [{{target: 8080, published: 8080, mode: host}}]
    deploy: {{mode: global, endpoint_mode: dnsrr}}
  client:
    image: {SWARMED}
    command: ["http://work:8080/hostname"]
    ports: [{{target: 8080, published: 8081, mode: host}}]
    deploy: {{endpoint_mode: dnsrr, placement: {{constraints: [node.hostname==node2]}}}}
"""
ROWS = {
    "deploy_s": "deploy, s",
    "scale_s": "scale 3 → 6, s",
    "scale_lost": "requests lost meanwhile",
    "moved_s": "worker killed: all 6 elsewhere, s",
    "crash_asked": "requests meanwhile, and 10 s after",
    "crash_lost": "of them lost",
    "crash_silence_s": "longest silence, s",
    "rm_s": "rm, s",
}


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _measure(made: Stacks, who: str) -> dict[str, float]:
    docker = made.swarm.nodes[0].engine.docker
    ways: dict[str, tuple[Callable[[], Any], ...]] = {
        "whit": (lambda: made.deploy("--insecure"), lambda: made("scale", "shop", "work=6")),
        "docker": (
            lambda: docker("stack", "deploy", "--detach=false", "-c", made.folder / "stack.yaml", "shop"),
            lambda: docker("service", "scale", "shop_work=6"),
        ),
    }
    deploy, scale = ways[who]
    found = {"deploy_s": _timed(deploy)}
    made.counts()
    found["scale_s"] = _timed(scale)
    found["scale_lost"] = made.counts()["failed"]
    made.swarm.nodes[2].crash()
    found["moved_s"] = made.until(lambda: made.running("shop_work") == ["node1"] * 3 + ["node2"] * 3)
    time.sleep(10)
    counts = made.counts()
    found |= {
        "crash_asked": counts["answered"] + counts["failed"],
        "crash_lost": counts["failed"],
        "crash_silence_s": counts["longest"],
    }
    made.swarm.restart(made.swarm.nodes[2])
    made.until(lambda: len(made.running("shop_web")) == 3)
    found["rm_s"] = _timed(lambda: made("rm", "shop") if who == "whit" else docker("stack", "rm", "shop"))
    if who == "docker":
        made.until(lambda: "shop" not in docker("network", "ls").stdout)
        time.sleep(3)
    return found


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as name, stacks(WHIT, Path(name), 3) as made:
        made.write(APPLICATION)
        (made.folder / "stack.yaml").write_text(BY_HAND)
        made.deploy("--push", "--insecure")
        made("rm", "shop")
        for who in ("docker", "whit"):
            found[who] = _measure(made, who)
    if given.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    rows = [(title, *(f"{found[who][key]:.4g}" for who in ("whit", "docker"))) for key, title in ROWS.items()]
    print_table("A stack on three nodes", ("", "whit stack", "docker stack"), rows)


if __name__ == "__main__":
    main()
