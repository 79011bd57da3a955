"""Start to exit of the same static program: the physical floor, whit, and what people use today.

``python -m tests.bench.launch [--json] [--rounds N] [--only NAME,...]``, as root. Rounds are interleaved, so that what else the
machine does falls on all alike; once back to back, once with 100 ms between runs, because an idle kernel answers later
(the first move of a process between cgroups waits for a grace period) and people don't start containers in a loop.

It works in a mount and a network namespace of its own; in the former the v2 hierarchy beside v1 is hidden: crun 1.8.1 refuses a hybrid.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.bench import contenders
from tests.bench.contenders import Bench, Contender, make_rootfs
from tests.bench.floor import build_floor, build_true
from tests.bench.measure import Times, print_times, run_timed, summarise
from tests.peers import find_peer
from tests.peers.dockerd import remove_cgroups, start_dockerd

GAP_SECONDS = 0.1
BATCH = 10
BATCH_WITH_GAPS = 4
UNIFIED = Path("/sys/fs/cgroup/unified")
INSIDE = "WHIT_BENCH_NAMESPACE"


def enter_namespace(module: str, *more: str) -> None:
    """Start again in a private mount namespace, and in ``more`` of unshare's, and hide the second cgroup hierarchy there."""
    if os.environ.get(INSIDE) is None:
        os.environ[INSIDE] = "1"
        command = ["unshare", "--mount", "--propagation", "private", *more, sys.executable, "-m", module]
        os.execvp("unshare", [*command, *sys.argv[1:]])
    libc = ctypes.CDLL(None, use_errno=True)
    if UNIFIED.is_mount() and libc.umount2(os.fsencode(UNIFIED), 0) != 0:
        raise OSError(ctypes.get_errno(), "can't hide the v2 hierarchy", str(UNIFIED))


def measure(field: list[Contender], rounds: int, gap: float) -> dict[str, Times]:
    """Each contender's times over interleaved rounds."""
    seconds: dict[str, list[float]] = {contender.name: [] for contender in field}
    for contender in field:
        run_timed(contender.command)
    for _ in range(rounds):
        for contender in field:
            batch = 1 if contender.is_slow else BATCH_WITH_GAPS if gap else BATCH
            for _ in range(batch):
                time.sleep(gap)
                seconds[contender.name].append(run_timed(contender.command))
    return {name: summarise(values) for name, values in seconds.items()}


def show(title: str, times: dict[str, Times]) -> None:
    """A row a contender, with its median beside the floor's and crun's."""
    bases = ("floor", "crun")
    print_times(title, bases, ((name, row, [times.get(base) for base in bases]) for name, row in times.items()))


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description="start to exit of a static program")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", default="", help="names, separated by commas: whit,floor,crun …")
    options = parser.parse_args()
    from tests.bench.engines import enter  # noqa: PLC0415 - which needs what is here

    enter("tests.bench.launch")
    wanted = set(filter(None, options.only.split(",")))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="whit-bench-")))
        field = _field(folder, stack, wanted)
        back_to_back = measure(field, options.rounds, 0)
        with_gaps = measure(field, options.rounds, GAP_SECONDS)
    if options.json:
        both = {"back_to_back": back_to_back, "with_gaps": with_gaps}
        document = {mode: {name: asdict(row) for name, row in times.items()} for mode, times in both.items()}
        sys.stdout.write(json.dumps({"schema": "whit.bench.launch/1", **document}, indent=2) + "\n")
    else:
        show("start to exit, back to back", back_to_back)
        show("start to exit, 100 ms between runs", with_gaps)


def _field(folder: Path, stack: contextlib.ExitStack, wanted: set[str]) -> list[Contender]:
    """The contenders that are wanted and installed; what they need is set up, and taken down with ``stack``."""
    rootfs = make_rootfs(folder)
    build_true(rootfs / "true")
    bench = Bench(folder, rootfs, build_floor(folder / "floor"))
    group = f"/{folder.name}"
    field: list[Contender] = []
    for name, add in contenders.BUILDERS.items():
        if not wanted or wanted & set(name.split()):
            field += add(bench)
    if not wanted or "podman" in wanted:
        stack.callback(remove_cgroups, group)
        field += contenders.podman(bench, group)
    if find_peer("dockerd") and (not wanted or "docker" in wanted):
        (folder / "docker").mkdir()
        field += contenders.docker(bench, stack.enter_context(start_dockerd(folder / "docker")))
    return [contender for contender in field if not wanted or contender.name.split()[0] in wanted]


if __name__ == "__main__":
    main()
