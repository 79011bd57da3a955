"""What tests of ``whit stack`` share: a swarm, a registry beside it, and an application that tells where it runs."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import time
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, Any, TypeVar

from tests.integration.kept import BUSYBOX, Engine
from tests.peers.registry import docker_registry
from tests.peers.swarm import LAB, REGISTRY, start_swarm
from tests.programs.build import build
from whit.runtime.engine.networks.netlink import inside

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.peers.swarm import Swarm

T = TypeVar("T")

IMAGE = f"{REGISTRY}/web:1"
PATIENCE_S = 240.0
WEB = """
services:
  web:
    image: {image}
    entrypoint: [/busybox, httpd, -f, -p, "8080", -h, /etc]
    ports: ["8080:8080"]
    scale: {replicas}
    stop_signal: KILL
"""
"""Answers with its host's name, which is the task's."""


SWARMED = f"{REGISTRY}/swarmed:1"
APPLICATION = f"""
services:
  work:
    image: {SWARMED}
    scale: 3
  web:
    image: {SWARMED}
    ports: ["8080:8080"]
    deploy: {{mode: global}}
  client:
    image: {SWARMED}
    command: ["http://work:8080/hostname"]
    ports: ["8081:8080"]
    deploy: {{placement: {{constraints: [node.hostname==node2]}}}}
"""
"""``work`` moves to where there is room, ``web`` is on each node, ``client`` asks ``work`` by its name all the time."""


@dataclass(frozen=True, slots=True)
class Stacks:
    """A swarm, and a whit beside it."""

    swarm: Swarm
    engine: Engine
    folder: Path

    def write(self, text: str) -> None:
        """The Compose file."""
        (self.folder / "compose.yaml").write_text(dedent(text))

    def run(self, *words: str, node: int = 0) -> subprocess.CompletedProcess[str]:
        """``whit stack`` by a node's engine, to its end."""
        before = ("env", f"--chdir={self.folder}", f"PWD={self.folder}")
        whit = Engine(self.engine.program, self.engine.root, (*self.engine.before, *before))
        host = f"unix://{self.swarm.nodes[node].engine.socket}"
        verb, *rest = words
        return whit.run("stack", verb, "-H", host, *rest, timeout=PATIENCE_S)

    def __call__(self, *words: str, node: int = 0) -> str:
        """What it says on standard output when all goes well."""
        done = self.run(*words, node=node)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def deploy(self, *words: str) -> str:
        """Deploy the file as stack ``shop``; what is told."""
        done = self.run("deploy", "-c", "compose.yaml", *words, "shop")
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stderr

    def json(self, what: str, *words: str, node: int = 0) -> list[dict[str, Any]]:
        """The rows of a listing."""
        verb = {"stacks": "ls", "tasks": "ps", "services": "services"}[what]
        rows: list[dict[str, Any]] = json.loads(self(verb, "--json", *words, node=node))[what]
        return rows

    def running(self, service: str = "shop_web", node: int = 0) -> list[str]:
        """The nodes that its tasks run on."""
        rows = self.json("tasks", "shop", node=node)
        found = [
            row for row in rows if row["service"] == service and (row["desired"], row["state"]) == ("running",) * 2
        ]
        return sorted(row["node"] for row in found)

    def ask(self, number: int, path: str = "hostname", port: int = 8080, patience: float = 5.0) -> str:
        """What the application answers at a node; empty if nobody does."""
        return self.beside(lambda: _ask(self.swarm.nodes[number].address, port, path, patience))

    def counts(self) -> dict[str, Any]:
        """What the client has seen since it was last asked for this."""
        found: dict[str, Any] = json.loads(self.ask(1, "counts?anew", 8081, 10.0))
        return found

    def until(self, is_so: Callable[[], bool], seconds: float = 90.0) -> float:
        """The seconds that it takes until something is so."""
        begin = time.monotonic()
        while not is_so():
            took = time.monotonic() - begin
            assert took < seconds, f"not so after {seconds:g} s:\n{self.run('ps', 'shop', node=1).stdout}"
            time.sleep(0.2)
        return time.monotonic() - begin

    def beside(self, work: Callable[[], T]) -> T:
        """Do something in the network of the nodes."""
        descriptor = os.open(f"/proc/{self.swarm.lab.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return inside(descriptor, work)
        finally:
            os.close(descriptor)


def _ask(address: str, port: int, path: str, patience: float) -> str:
    connection = http.client.HTTPConnection(address, port, timeout=patience)
    try:
        connection.request("GET", f"/{path}")
        return connection.getresponse().read().decode().strip()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


@contextlib.contextmanager
def stacks(whit: Path, folder: Path, count: int, managers: int = 1) -> Iterator[Stacks]:
    """So many nodes, and a registry that has the application."""
    with contextlib.ExitStack() as stack:
        swarm = stack.enter_context(start_swarm(folder / "nodes", count, managers))
        port = int(REGISTRY.partition(":")[2])
        stack.enter_context(docker_registry(folder / "registry", port=port, prefix=swarm.inside, address=LAB))
        engine = Engine(whit, folder / "root", swarm.inside)
        engine("pack", BUSYBOX, "-t", IMAGE)
        engine("pack", build("swarmed", "go", stripped=True), "-t", SWARMED)
        project = folder / "shop"
        project.mkdir()
        made = Stacks(swarm, engine, project)
        yield made
        engine.clean()
