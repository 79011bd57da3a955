"""OCI runtimes side by side: whit-oci, runc, crun, and youki where there is one; alone, and under docker.

``python -m tests.bench.oci [--json] [--rounds N] [--only runtimes,docker]``, as root. Rounds alternate between the
runtimes, back to back and with 100 ms before each command. Under docker the whole command is timed, and, by a small
program between docker and the runtime, the runtime's share of it: create, start, delete and what else docker calls.
The first container of a form costs whit-oci a start of Python; that is a row of its own. No distribution of ours has
youki: one that is built elsewhere is named by the environment variable YOUKI, or is on PATH.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.contenders import IMAGE, LIMIT_OPTIONS, make_rootfs, oci_config
from tests.bench.floor import build_sleeper, build_true
from tests.bench.launch import GAP_SECONDS, enter_namespace
from tests.bench.measure import Command, Times, print_times, run_timed, summarise
from tests.peers import PROJECT, find_peer
from tests.peers.dockerd import Dockerd, start_dockerd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

END_SECONDS = 30.0
WAIT_FOR_EVER = ("youki",)
"""Their `run` blocks signals only once the program runs, and waits for ever for one that has ended before."""
NETWORKS = {
    "under docker, --network host": "host",
    "under docker, --network none: create waits for a hook that starts the engine's program once more": "none",
}
Seconds = dict[tuple[str, str], list[float]]
"""(runtime, what it did) → seconds of each time."""


def find_youki() -> Path | None:
    """What YOUKI names, or what is on PATH."""
    named = os.environ.get("YOUKI")
    return Path(named) if named else find_peer("youki")


def runtimes() -> dict[str, Path]:
    """Those that are installed, whit-oci first."""
    peers = {"runc": find_peer("runc"), "crun": find_peer("crun"), "youki": find_youki()}
    return {
        "whit-oci": PROJECT / ".venv" / "bin" / "whit-oci",
        **{name: path for name, path in peers.items() if path is not None},
    }


def _status(command: Sequence[str]) -> object:
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["status"]


class _Cycles:
    """Containers of two bundles, made, started, killed, removed and run by each runtime in turn.

    The program of one ends at once, that of the other sleeps until it is killed.
    """

    def __init__(self, folder: Path, rootfs: Path) -> None:
        self.state = folder / "state"
        self.ending, self.sleeping = folder / "ending", folder / "sleeping"
        for bundle, program in ((self.ending, "/true"), (self.sleeping, "/sleeper")):
            bundle.mkdir()
            (bundle / "config.json").write_text(json.dumps(oci_config(rootfs, program)))
        self.made = 0

    def _call(self, program: Path, *words: str) -> float:
        return run_timed(Command((str(program), "--root", f"{self.state}/{program.name}", *words)))

    def _await_end(self, program: Path, container: str) -> None:
        end = time.monotonic() + END_SECONDS
        command = [str(program), "--root", f"{self.state}/{program.name}", "state", container]
        while _status(command) != "stopped":
            if time.monotonic() > end:
                raise RuntimeError(f"{container} doesn't end")
            time.sleep(0.002)

    def _life(self, program: Path, bundle: Path, container: str, gap: float) -> Iterable[tuple[str, float]]:
        verbs = (
            ("create", "start", "delete") if bundle == self.ending else ("create", "start", "state", "kill", "delete")
        )
        for verb in verbs:
            time.sleep(gap)
            options = ("--bundle", str(bundle)) if verb == "create" else ()
            signal = ("KILL",) if verb == "kill" else ()
            yield verb, self._call(program, verb, *options, container, *signal)
            if verb == "kill" or (verb == "start" and bundle == self.ending):
                self._await_end(program, container)

    def cycle(self, program: Path, gap: float) -> Iterable[tuple[str, float]]:
        """(verb, seconds) of one life that ends by itself, of one ``run``, and of what else is asked of one that sleeps."""
        self.made += 1
        container = f"bench-{program.name}-{self.made}"
        yield from self._life(program, self.ending, container, gap)
        if program.name not in WAIT_FOR_EVER:
            time.sleep(gap)
            yield "run", self._call(program, "run", "--bundle", str(self.ending), f"{container}-run")
        sleeper = self._life(program, self.sleeping, f"{container}-sleeps", gap)
        yield from ((verb, seconds) for verb, seconds in sleeper if verb in {"state", "kill"})


def measure_runtimes(cycles: _Cycles, found: Mapping[str, Path], rounds: int, gap: float) -> Seconds:
    """All runtimes' verbs over alternating rounds; the sum of a life too."""
    seconds: Seconds = {}
    for program in found.values():
        for _ in cycles.cycle(program, 0):
            pass
    for _ in range(rounds):
        for name, program in found.items():
            life = dict(cycles.cycle(program, gap))
            life["create+start+delete"] = life["create"] + life["start"] + life["delete"]
            for verb, value in life.items():
                seconds.setdefault((name, verb), []).append(value)
    return seconds


def measure_first(cycles: _Cycles, rounds: int) -> Seconds:
    """whit-oci's create where no plan is kept."""
    program = runtimes()["whit-oci"]
    seconds: Seconds = {}
    for _ in range(rounds):
        shutil.rmtree(cycles.state / program.name / "@plans", ignore_errors=True)
        life = dict(cycles.cycle(program, 0))
        seconds.setdefault(("whit-oci", "first create"), []).append(life["create"])
    return seconds


def _summaries(seconds: Seconds) -> dict[tuple[str, str], Times]:
    return {key: summarise(values) for key, values in seconds.items() if len(values) > 1}


def build_timed(folder: Path, name: str, runtime: Path) -> tuple[Path, Path]:
    """(a runtime that times another one, the file of its lines)."""
    target, log = folder / f"timed-{name}", folder / f"{name}.log"
    source = Path(__file__).with_name("timed.c")
    defines = [f'-DRUNTIME="{runtime}"', f'-DLOG="{log}"']
    subprocess.run(["cc", "-O2", *defines, "-o", target, source], check=True)
    return target, log


def _shares(log: Path) -> dict[str, float]:
    """Seconds by verb since the last time, and their sum."""
    shares: dict[str, float] = {}
    for line in log.read_text().splitlines():
        verb, nanoseconds = line.split()
        shares[verb] = shares.get(verb, 0) + int(nanoseconds) / 1e9
    log.unlink()
    return {**shares, "share": sum(shares.values())}


def measure_docker(engine: Dockerd, logs: Mapping[str, Path], rounds: int, network: str) -> Seconds:
    """docker run with each runtime; ``docker run`` is the whole command, ``share`` all that the runtime took of it."""
    seconds: Seconds = {}
    options = ("--rm", "--network", network, *LIMIT_OPTIONS)
    for number in range(rounds + 1):
        for name, log in logs.items():
            command = (str(engine.client), "run", "--runtime", f"timed-{name}", *options, IMAGE)
            whole = run_timed(Command(command, engine.environment))
            shares = _shares(log)
            # The first one of each is to warm up.
            for verb, value in {"docker run": whole, **shares}.items() if number else ():
                seconds.setdefault((name, verb), []).append(value)
    return seconds


def _docker(folder: Path, rootfs: Path, rounds: int) -> dict[str, dict[tuple[str, str], Times]]:
    timed = {name: build_timed(folder, name, path) for name, path in runtimes().items() if name in {"whit-oci", "runc"}}
    archive = folder / "true.tar"
    subprocess.run(["tar", "-C", rootfs, "-cf", archive, "."], check=True)
    (folder / "docker").mkdir()
    known = {f"timed-{name}": program for name, (program, _) in timed.items()}
    with start_dockerd(folder / "docker", known) as engine:
        engine.docker("import", "--change", 'ENTRYPOINT ["/true"]', archive, IMAGE)
        logs = {name: log for name, (_, log) in timed.items()}
        return {title: _summaries(measure_docker(engine, logs, rounds, network)) for title, network in NETWORKS.items()}


def show(title: str, times: Mapping[tuple[str, str], Times]) -> None:
    """A row for each runtime and verb, beside the same of runc and of crun."""
    bases = ("runc", "crun")
    rows = sorted(times.items(), key=lambda item: item[0][1])
    print_times(
        title,
        bases,
        ((f"{verb}  {name}", row, [times.get((base, verb)) for base in bases]) for (name, verb), row in rows),
    )


def main() -> None:
    """Measure, and print tables or JSON."""
    parser = argparse.ArgumentParser(description="OCI runtimes side by side")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default="runtimes,docker", help="runtimes, docker, or both")
    options = parser.parse_args()
    enter_namespace("tests.bench.oci")
    results: dict[str, dict[tuple[str, str], Times]] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="whit-bench-")))
        rootfs = make_rootfs(folder)
        build_true(rootfs / "true")
        if "runtimes" in options.only:
            build_sleeper(rootfs / "sleeper")
            cycles = _Cycles(folder, rootfs)
            if find_youki() is None:
                sys.stderr.write("youki isn't on PATH and has no rows; YOUKI=… names its program\n")
            results["back to back"] = _summaries(measure_runtimes(cycles, runtimes(), options.rounds, 0))
            results["100 ms before each"] = _summaries(
                measure_runtimes(cycles, runtimes(), options.rounds, GAP_SECONDS)
            )
            results["no plan kept"] = _summaries(measure_first(cycles, options.rounds))
        if "docker" in options.only and find_peer("dockerd"):
            results |= _docker(folder, rootfs, options.rounds)
    if options.json:
        rows = {
            title: {f"{name} {verb}": asdict(row) for (name, verb), row in times.items()}
            for title, times in results.items()
        }
        sys.stdout.write(json.dumps({"schema": "whit.bench.oci/1", **rows}, indent=2) + "\n")
        return
    for title, times in results.items():
        show(title, times)


if __name__ == "__main__":
    main()
