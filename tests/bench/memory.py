"""What an idle container holds beyond its program: the processes that stay for it, as proportional set size."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import contenders
from tests.bench.contenders import IMAGE, Bench, make_rootfs
from tests.bench.floor import build_floor, build_sleeper
from tests.bench.launch import enter_namespace
from tests.bench.measure import descendants, print_table, pss
from tests.peers import find_peer
from tests.peers.dockerd import remove_cgroups, start_dockerd

if TYPE_CHECKING:
    from tests.bench.measure import Command
    from tests.peers.dockerd import Dockerd

SETTLE_SECONDS = 1.0
START_SECONDS = 20.0
PROGRAM = "true"
"""The idle program has the image's name for it, so that the launch benchmark's contenders serve here as well."""


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def _shown(pid: int) -> tuple[str, int]:
    return _name(pid), pss(pid)


def _wait_for_program(above: int) -> int:
    """The idle program's process, once it is there below ``above``."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for pid in descendants(above):
            with contextlib.suppress(OSError):
                if _name(pid) == PROGRAM:
                    return pid
        time.sleep(0.05)
    raise RuntimeError(f"the idle container didn't start below process {above}")


def beside_program(command: Command) -> list[tuple[str, int]]:
    """Name and PSS of each process that waits while the program idles in the foreground."""
    with subprocess.Popen(command.arguments, env=command.environment, stdin=subprocess.DEVNULL) as process:
        program = _wait_for_program(process.pid)
        try:
            time.sleep(SETTLE_SECONDS)
            return [_shown(pid) for pid in descendants(process.pid) if pid != program]
        finally:
            os.kill(program, signal.SIGTERM)


def conmon(command: Command) -> list[tuple[str, int]]:
    """podman's monitor, which is no child of podman's: found above the program."""
    detached = (*command.arguments[:-1], "--detach", command.arguments[-1])
    container = subprocess.run(detached, env=command.environment, capture_output=True, text=True, check=True)
    identity = container.stdout.strip()
    base = command.arguments[: command.arguments.index("run")]
    try:
        time.sleep(SETTLE_SECONDS)
        inspect = [*base, "inspect", "--format", "{{.State.ConmonPid}}", identity]
        monitor = subprocess.run(inspect, capture_output=True, text=True, check=True)
        return [_shown(int(monitor.stdout))]
    finally:
        subprocess.run([*base, "rm", "--force", "--time", "0", identity], capture_output=True, check=True)


def shim(engine: Dockerd) -> list[tuple[str, int]]:
    """The engine, containerd, and the one shim of a container."""
    identity = engine.docker("run", "--detach", "--network", "none", IMAGE).stdout.strip()
    try:
        program = _wait_for_program(engine.pid)
        time.sleep(SETTLE_SECONDS)
        return [_shown(pid) for pid in descendants(engine.pid) if pid not in {program, engine.pid}]
    finally:
        engine.docker("rm", "--force", identity)


def main() -> None:
    """One idle container each."""
    enter_namespace("tests.bench.memory")
    rows: list[list[str]] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="whit-bench-")))
        bench = Bench(folder, make_rootfs(folder), build_floor(folder / "floor"))
        build_sleeper(bench.rootfs / PROGRAM)
        found = {"whit": beside_program(contenders.whit(bench)[0].command)}
        for contender in [*contenders.floor(bench), *contenders.bubblewrap(bench), *contenders.oci_runtimes(bench)]:
            found[contender.name] = beside_program(contender.command)
        for contender in contenders.podman(bench, f"/{folder.name}")[:1]:
            stack.callback(remove_cgroups, f"/{folder.name}")
            found["podman"] = conmon(contender.command)
        if find_peer("dockerd"):
            (folder / "docker").mkdir()
            engine = stack.enter_context(start_dockerd(folder / "docker"))
            contenders.docker(bench, engine)
            found["docker"] = shim(engine)
    for name, processes in found.items():
        rows.extend([name, process, f"{size / 1024:.0f}"] for process, size in processes)
    print_table(f"memory beside an idle program, {os.uname().release}", ["", "process", "PSS KiB"], rows)


if __name__ == "__main__":
    main()
