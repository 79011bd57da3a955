"""A container's program asked over TCP: straight, and by a published port of whit, docker and podman.

``python -m tests.bench.ports [--json] [--times N] [--megabytes N] [--rounds N] [--only NAME,...]``, as root. Round
trips of one byte, new connections with a round trip, and bytes that the program sends. The floor is the same program
on the host's loopback. A user's whit without root, whose supervisor passes on what comes, has the rows `whit, rootless`;
where ``/usr/bin/python3`` can't install whit, they are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.bench.contenders import IMAGE
from tests.bench.engines import NAMES, PORT, Engine, Field, await_answer, enter, field
from tests.bench.floor import build_own
from tests.bench.measure import print_table
from tests.bench.starts import DETACHED
from tests.installed import install
from whit.runtime.engine.networks.netlink import inside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USER = 54321
PUBLISHED = {"whit": 21001, "docker": 21002, "podman": 21003, "rootless": 21004}
TUN = Path("/dev/net/tun")
LOCAL = "127.0.0.1"
HEADS = ("round trip µs", "connection µs", "MB/s")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a program: who asks is in the network namespace of a process."""

    name: str
    namespace: int
    address: str
    port: int


def ask(client: Path, way: Way, times: int, size: int) -> tuple[float, float, float]:
    """µs of a round trip, µs of a connection, MB/s."""
    enter_there = ("nsenter", f"--net=/proc/{way.namespace}/ns/net")
    words = (way.address, str(way.port), str(times), str(size))
    done = subprocess.run([*enter_there, client, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{way.name}: {done.stderr}")
    trip, connection, whole = map(int, done.stdout.split())
    return trip / 1000, connection / 1000, size * 1000 / whole


def _ways_of(engine: Engine) -> Sequence[Way]:
    """A container of this engine, and the ways to it."""
    port = PUBLISHED[engine.name]
    anywhere = ("--publish", f"0.0.0.0:{port}:{PORT}")
    engine.say(
        *engine.made(DETACHED, "--name", "asked", *anywhere, IMAGE, "serve", str(PORT)).arguments[len(engine.base) :]
    )
    [page] = json.loads(engine.say("inspect", "asked"))
    [network] = page["NetworkSettings"]["Networks"].values()
    await_answer(engine.namespace, port)
    ways = [
        Way(f"{engine.name}, straight to the container", engine.namespace, network["IPAddress"], PORT),
        Way(f"{engine.name}, published", engine.namespace, LOCAL, port),
    ]
    if engine.name == "docker":
        # Only from 127.0.0.1 does docker's own proxy answer.
        ways[1] = Way("docker, published, its proxy", engine.namespace, LOCAL, port)
        ways.append(Way("docker, published, DNAT", engine.namespace, network["Gateway"], port))
    return ways


def _let_users_open_tun(folder: Path) -> None:
    """As on most systems, but only in the benchmark's mount namespace."""
    device = folder / "tun"
    os.mknod(device, stat.S_IFCHR, TUN.stat().st_rdev)
    device.chmod(0o666)
    subprocess.run(["mount", "--bind", device, TUN], check=True)


def _rootless(found: Field, stack: contextlib.ExitStack) -> Sequence[Way]:
    """A user's container."""
    python = Path("/usr/bin/python3")
    become = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
    check = "import sys, ensurepip; assert sys.version_info >= (3, 11)"
    if subprocess.run([*become, python, "-c", check], capture_output=True, check=False).returncode != 0:
        return []
    _let_users_open_tun(found.folder)
    outside = os.open(f"/proc/{os.getppid()}/ns/net", os.O_RDONLY)
    program = inside(outside, lambda: install(python, found.folder / "installed")) / "whit"
    os.close(outside)
    home = found.folder / "home"
    home.mkdir()
    os.chown(home, USER, USER)
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    engine = Engine("rootless", (*become, str(program)), (), os.getpid(), environment)
    engine.say("pack", str(found.program), "-t", IMAGE)
    port = PUBLISHED["rootless"]
    where = ("--publish", f"{LOCAL}:{port}:{PORT}", IMAGE, "serve", str(PORT))
    engine.say("run", "--detach", "--name", "asked", *where)
    stack.callback(engine.say, "rm", "--force", "asked")
    await_answer(engine.namespace, port)
    return [Way("whit, rootless, published", engine.namespace, LOCAL, port)]


def measure(found: Field, ways: Sequence[Way], rounds: int, times: int, size: int) -> dict[str, tuple[float, ...]]:
    """Of each way the middle of its rounds, which alternate."""
    client = build_own("asking", found.folder / "asking")
    values: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(rounds):
        for way in ways:
            values.setdefault(way.name, []).append(ask(client, way, times, size))
    return {name: tuple(median(column) for column in zip(*rows, strict=True)) for name, rows in values.items()}


def _show(results: Mapping[str, tuple[float, ...]]) -> None:
    floor = next(iter(results.values()))
    rows = []
    for name, values in results.items():
        ratios = (f"{value / base:.2f}" for value, base in zip(values, floor, strict=True))
        rows.append([name, *(f"{value:.1f}" for value in values), *ratios])
    heads = ["", *HEADS, *("÷ floor" for _ in HEADS)]
    print_table(f"asked by published ports, load {os.getloadavg()[0]:.1f}", heads, rows)


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description="published ports")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=2000)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--only", default=",".join((*NAMES, "rootless")))
    options = parser.parse_args()
    wanted = options.only.split(",")
    enter("tests.bench.ports")
    with field(wanted) as found, contextlib.ExitStack() as stack:
        plain = stack.enter_context(subprocess.Popen([found.program, "serve", str(PORT)]))
        stack.callback(plain.kill)
        await_answer(os.getpid(), PORT)
        ways = [Way("floor, the host's loopback", os.getpid(), LOCAL, PORT)]
        for engine in found.engines:
            ways += _ways_of(engine)
        if "rootless" in wanted:
            ways += _rootless(found, stack)
        results = measure(found, ways, options.rounds, options.times, options.megabytes * 1_000_000)
    if options.json:
        rows = {
            name: dict(zip(("trip_us", "connection_us", "mb_s"), row, strict=True)) for name, row in results.items()
        }
        sys.stdout.write(json.dumps({"schema": "whit.bench.ports/1", **rows}, indent=2) + "\n")
    else:
        _show(results)


if __name__ == "__main__":
    main()
