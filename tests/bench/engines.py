"""What keeps containers: whit, docker and podman with the same image, each reached by docker's own words.

All work in a network namespace of the benchmark's; docker's engine in another, because its firewall drops what whit's
networks forward. A container has the same limits everywhere, and else what the engine gives it by default.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import contenders
from tests.bench.contenders import IMAGE, LIMIT_OPTIONS, Bench, make_rootfs
from tests.bench.floor import build_floor, build_own
from tests.bench.launch import enter_namespace
from tests.bench.measure import Command
from tests.peers import find_peer
from tests.peers.dockerd import remove_cgroups, start_dockerd
from whit.runtime.engine.networks.netlink import inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NAMES = ("whit", "docker", "podman")
PORT = 8080
PATIENCE_SECONDS = 30.0
FIRST_PORT = 20000
CNI_STATE = Path("/var/lib/cni")


@dataclass(frozen=True, slots=True)
class Engine:
    """One that keeps containers; its published ports are reached in the network namespace of process ``namespace``."""

    name: str
    base: tuple[str, ...]
    options: tuple[str, ...]
    namespace: int
    environment: Mapping[str, str] | None = None
    daemon: int | None = None
    """The process above its daemon."""

    def command(self, *words: str) -> Command:
        """One of its commands."""
        return Command((*self.base, *words), self.environment)

    def made(self, verb: Sequence[str], *words: str) -> Command:
        """``run -d`` or ``create`` of the image, with what all containers have."""
        return self.command(*verb, *self.options, *words)

    def serving(self, verb: Sequence[str], name: str, port: int | None) -> Command:
        """A container whose program answers, at a published port or without a network."""
        where = ("--network", "none") if port is None else ("--publish", f"127.0.0.1:{port}:{PORT}")
        return self.made(verb, "--name", name, *where, IMAGE, "serve", str(PORT))

    def say(self, *words: str) -> str:
        """What one of its commands prints."""
        done = subprocess.run(
            [*self.base, *words], env=self.environment, capture_output=True, text=True, check=False, timeout=600
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.name} {' '.join(words)}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout


def await_answer(namespace: int, port: int) -> None:
    """Until the program in a container answers at the port, asked in the network namespace of a process."""
    descriptor = os.open(f"/proc/{namespace}/ns/net", os.O_RDONLY)
    try:
        inside(descriptor, lambda: _await_answer(port))
    finally:
        os.close(descriptor)


def _await_answer(port: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as asking:
            asking.sendall(b"e!")
            if asking.recv(1) == b"!":
                return
        time.sleep(0.001)
    raise RuntimeError(f"nobody answers at port {port}")


@dataclass(frozen=True, slots=True)
class Field:
    """The engines that are wanted and installed, and the programs."""

    folder: Path
    engines: Sequence[Engine]
    program: Path
    floor: Command
    """The program started and ended in namespaces of its own: what the kernel alone needs."""


@contextlib.contextmanager
def field(wanted: Sequence[str]) -> Iterator[Field]:
    """Set up what is wanted, and take it down."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="whit-bench-")))
        bench = Bench(folder, make_rootfs(folder), build_floor(folder / "floor"))
        program = build_own("served", bench.rootfs / "true")
        engines = []
        if "whit" in wanted:
            engines.append(_whit(bench, stack))
        if "docker" in wanted and find_peer("dockerd"):
            engines.append(_docker(bench, stack))
        if "podman" in wanted and find_peer("podman"):
            engines.append(_podman(bench, stack))
        yield Field(folder, engines, program, contenders.floor(bench)[0].command)


def _remove_all(engine: Engine) -> None:
    names = engine.say("ps", "--all", "--quiet").split()
    if names:
        engine.say("rm", "--force", *names)


def _whit(bench: Bench, stack: contextlib.ExitStack) -> Engine:
    command = contenders.whit(bench)[0].command
    engine = Engine("whit", command.arguments[:1], LIMIT_OPTIONS, os.getpid(), command.environment)
    stack.callback(_remove_all, engine)
    return engine


def _docker(bench: Bench, stack: contextlib.ExitStack) -> Engine:
    (bench.folder / "docker").mkdir()
    daemon = stack.enter_context(start_dockerd(bench.folder / "docker"))
    command = contenders.docker(bench, daemon)[0].command
    engine = Engine("docker", command.arguments[:1], LIMIT_OPTIONS, daemon.pid, daemon.environment, daemon.pid)
    stack.callback(_remove_all, engine)
    return engine


def _podman(bench: Bench, stack: contextlib.ExitStack) -> Engine:
    group = f"/{bench.folder.name}"
    stack.callback(remove_cgroups, group)
    contender = contenders.podman(bench, group)[0]
    words = contender.command.arguments
    # It would raise the limits on open files and processes, which takes a privilege that not every root has.
    limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--cgroup-parent", group)
    engine = Engine("podman", words[: words.index("run")], (*limits, *LIMIT_OPTIONS), os.getpid())
    stack.callback(_remove_all, engine)
    return engine


def enter(module: str) -> None:
    """Start again in a mount and a network namespace, where podman's addresses are written down in memory."""
    enter_namespace(module, "--net")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if CNI_STATE.is_dir():
        subprocess.run(["mount", "-t", "tmpfs", "none", CNI_STATE], check=True)
