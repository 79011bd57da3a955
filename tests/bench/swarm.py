"""A stack on a swarm, by whit and by docker from a file written by hand: ``python -m tests.bench.swarm [--json] [--part workers|managers]``, as root.

One manager and two workers: deployed, scaled, a worker killed. Three managers that are workers, too: the leader killed, one cut off. The seconds
of the commands, the seconds until all tasks are elsewhere, and what a client within the overlay, that asks a service by its name 50 times a
second, loses.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import print_table
from tests.integration.swarms import APPLICATION, SWARMED, Stacks, stacks
from tests.peers import PROJECT

if TYPE_CHECKING:
    import subprocess
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
    "crash": "of the client's requests until 10 s later lost",
    "crash_silence_s": "longest silence, s",
    "rm_s": "rm, s",
    "leader_s": "leader killed: another one answers, s",
    "leader_moved_s": "its tasks are elsewhere, s",
    "leader": "of the client's requests until 10 s later lost",
    "leader_silence_s": "longest silence, s",
    "leader_scale_s": "scale 6 → 4 by the new leader, s",
    "cut_moved_s": "a manager cut off: its tasks are elsewhere, s",
    "cut": "of the client's requests until 10 s later lost",
    "cut_silence_s": "longest silence, s",
    "healed_s": "wire back: its own copies have ended, s",
}


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody deploys the stack, and what they ask and tell a node's engine."""

    deploy: Callable[[], object]
    scale: Callable[[int, int], object]
    answers: Callable[[int], bool]
    remove: Callable[[int], object]


def _ways(made: Stacks) -> dict[str, Way]:
    def docker(node: int, *words: str | Path, check: bool = True) -> int:
        return made.swarm.nodes[node].engine.docker(*words, check=check).returncode

    def removed(node: int) -> None:
        docker(node, "stack", "rm", "shop")

    stack = made.folder / "stack.yaml"
    return {
        "docker": Way(
            lambda: docker(0, "stack", "deploy", "--detach=false", "-c", stack, "shop"),
            lambda count, node: docker(node, "service", "scale", f"shop_work={count}"),
            lambda node: docker(node, "stack", "ls", check=False) == 0,
            removed,
        ),
        "whit": Way(
            lambda: made.deploy("--insecure"),
            lambda count, node: made("scale", "shop", f"work={count}", node=node),
            lambda node: made.run("ls", node=node).returncode == 0,
            lambda node: made("rm", "shop", node=node),
        ),
    }


def _seen(made: Stacks, what: str) -> dict[str, float | str]:
    """What the client has seen until 10 s later."""
    time.sleep(10)
    counts = made.counts()
    asked = counts["answered"] + counts["failed"]
    return {what: f"{counts['failed']} of {asked}", f"{what}_silence_s": counts["longest"]}


def _leader(made: Stacks) -> str:
    """Who leads, as node 2 knows; empty while it isn't told."""
    words = ("node", "ls", "--format", "{{.ManagerStatus}} {{.Hostname}}")
    listed = made.swarm.nodes[1].engine.docker(*words, check=False).stdout
    return next((line.split()[1] for line in listed.splitlines() if line.startswith("Leader")), "")


def _lead(made: Stacks) -> None:
    """Have node 1 lead: who is the only manager does, and goes on when others come."""
    docker = made.swarm.nodes[0].engine.docker
    for verb in ("demote", "promote"):
        for node in ("node2", "node3"):
            made.until(partial(_done, docker, verb, node))
        time.sleep(5)
    made.until(lambda: _leader(made) == "node1")


def _done(docker: Callable[..., subprocess.CompletedProcess[str]], verb: str, node: str) -> bool:
    return docker("node", verb, node, check=False).returncode == 0


def _gone(made: Stacks) -> None:
    made.until(lambda: "shop" not in made.swarm.nodes[1].engine.docker("network", "ls", check=False).stdout)
    time.sleep(3)


def _workers(made: Stacks, way: Way) -> dict[str, float | str]:
    """Deployed, scaled, a worker killed, removed: by the one manager."""
    found: dict[str, float | str] = {"deploy_s": _timed(way.deploy)}
    made.counts()
    found["scale_s"] = _timed(lambda: way.scale(6, 0))
    found["scale_lost"] = made.counts()["failed"]
    made.swarm.nodes[2].crash()
    found["moved_s"] = made.until(lambda: made.running("shop_work") == ["node1"] * 3 + ["node2"] * 3)
    found |= _seen(made, "crash")
    made.swarm.restart(made.swarm.nodes[2])
    made.until(lambda: len(made.running("shop_web")) == 3)
    found["rm_s"] = _timed(lambda: way.remove(0))
    _gone(made)
    return found


def _managers(made: Stacks, way: Way) -> dict[str, float | str]:
    """The leader killed, and a manager cut off; node 2 has the client, and is asked."""
    _lead(made)
    way.deploy()
    way.scale(6, 0)
    made.counts()
    made.swarm.nodes[0].crash()
    begin = time.monotonic()
    found: dict[str, float | str] = {"leader_s": made.until(lambda: way.answers(1))}
    made.until(lambda: made.running("shop_work", node=1) == ["node2"] * 3 + ["node3"] * 3)
    found["leader_moved_s"] = time.monotonic() - begin
    found |= _seen(made, "leader")
    found["leader_scale_s"] = _timed(lambda: way.scale(4, 1))
    made.swarm.restart(made.swarm.nodes[0])
    made.until(lambda: len(made.running("shop_web", node=1)) == 3)
    way.scale(6, 1)
    # Not the leader, whoever that is by now: its loss was measured above.
    far = next(node for node in (made.swarm.nodes[2], made.swarm.nodes[0]) if node.name != _leader(made))
    made.counts()
    made.swarm.cut(far)
    found["cut_moved_s"] = made.until(lambda: far.name not in made.running("shop_work", node=1))
    found |= _seen(made, "cut")
    copies = set(far.engine.docker("ps", "-q", "--filter", "name=shop_work").stdout.split())
    made.swarm.heal(far)
    found["healed_s"] = made.until(lambda: not copies & set(far.engine.docker("ps", "-q").stdout.split()))
    made.until(lambda: way.answers(1))
    way.remove(1)
    _gone(made)
    return found


PARTS: dict[str, tuple[int, Callable[[Stacks, Way], dict[str, float | str]]]] = {
    "workers": (1, _workers),
    "managers": (3, _managers),
}
"""How many of the three nodes are managers, and what is measured."""


def _measured(
    managers: int, measure: Callable[[Stacks, Way], dict[str, float | str]]
) -> dict[str, dict[str, float | str]]:
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as name, stacks(WHIT, Path(name), 3, managers) as made:
        made.write(APPLICATION)
        (made.folder / "stack.yaml").write_text(BY_HAND)
        made.deploy("--push", "--insecure")
        made("rm", "shop")
        return {who: measure(made, way) for who, way in _ways(made).items()}


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--part", choices=PARTS, action="append")
    given = parser.parse_args()
    found: dict[str, dict[str, float | str]] = {"whit": {}, "docker": {}}
    for part in given.part or PARTS:
        for who, numbers in _measured(*PARTS[part]).items():
            found[who] |= numbers
    if given.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    rows = [
        (title, *(_text(found[who][key]) for who in ("whit", "docker")))
        for key, title in ROWS.items()
        if key in found["whit"]
    ]
    print_table("A stack on three nodes", ("", "whit stack", "docker stack"), rows)


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


if __name__ == "__main__":
    main()
