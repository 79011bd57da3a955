"""How much slower a program runs under ``whit trace`` and under strace than under ``whit run``: ``-m tests.bench.trace``.

Each number is of the program alone: starting the container and the tracer, measured on a program that does nothing, is
taken away.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.measure import print_table
from tests.peers import PROJECT, find_peer
from tests.programs.build import build
from tests.programs.real import real_program
from whit.runtime.trace.calls import PATHS, SOCKET_CALLS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROUNDS = 3
WHIT = PROJECT / ".venv" / "bin" / "whit"
WATCHED = ",".join(f"?{name}" for name in (*PATHS, *SOCKET_CALLS))
FILES = 1500


@dataclass(frozen=True)
class Work:
    """A program with something to do on a folder of many files, mounted at /data."""

    name: str
    program: Callable[[], Path]
    words: tuple[str, ...]


def busybox() -> Path:
    found = find_peer("busybox-static")
    if found is None:
        raise RuntimeError("busybox-static isn't installed")
    return found


WORKS = (
    Work("busybox sha256sum, one file of 50 MB", busybox, ("sha256sum", "/big")),
    Work("busybox gzip, one file of 20 MB", busybox, ("sh", "-c", "head -c 20000000 /big | gzip -c >/dev/null")),
    Work("busybox grep -r, all files", busybox, ("grep", "-rc", "import", "/data")),
    Work("busybox find, all files", busybox, ("find", "/data", "-name", "*.py")),
    Work("ruff check, all files", lambda: real_program("ruff"), ("check", "--no-cache", "--isolated", "-q", "-e", "/data")),
    Work("ruff format --check", lambda: real_program("ruff"), ("format", "--no-cache", "--isolated", "-q", "--diff", "/data/0")),
    Work("esbuild, a bundle", lambda: real_program("esbuild"), ("--bundle", "/work/app.ts")),
    Work("a Go program, templates and files", lambda: build("everything", "go"), ()),
    Work("opening one file 20,000 times", lambda: build("trace-rough", "c-glibc", flags=("-pthread",)), ("many",)),
)  # fmt: skip


class Bench:
    """One store and one folder of files for all."""

    def __init__(self, folder: Path) -> None:
        self._environment = {**os.environ, "WHIT_ROOT": str(folder / "whit-root")}
        (folder / "big").write_bytes(bytes(range(256)) * 200_000)
        (folder / "work").mkdir()
        for number in range(FILES):
            file = folder / "data" / str(number % 30) / f"module{number}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(
                f"import os\n\n\ndef name{number}(value: int) -> str:\n    return os.fspath(str(value))\n" * 30
            )
        lines = "".join(f"export const name{number} = (x: number) => x + {number}\n" for number in range(20_000))
        (folder / "work" / "app.ts").write_text(lines)
        mounts = ((str(folder / "data"), "/data"), (str(folder / "big"), "/big"), (str(folder / "work"), "/work"))
        shown = [word for source, target in mounts for word in ("-v", f"{source}:{target}:ro")]
        self._options = ["--network", "none", *shown]

    def _timed(self, *command: str | Path) -> float:
        begin = time.perf_counter()
        subprocess.run(
            command, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=False,
        )  # fmt: skip
        return time.perf_counter() - begin

    def _run(self, work: Work) -> list[str | Path]:
        return [WHIT, "run", *self._options, work.program(), *work.words]

    def plain(self, work: Work) -> float:
        return self._timed(*self._run(work))

    def strace(self, work: Work, *options: str) -> float:
        return self._timed(
            "strace", "-f", "-qq", "-o", os.devnull, *options, "-e", f"trace={WATCHED}", *self._run(work)
        )

    def trace(self, work: Work) -> tuple[float, int]:
        """Seconds from the program's start to its end, as the trace itself counts them, and how many calls it saw."""
        done = subprocess.run(
            [WHIT, "trace", "--json", *self._options, work.program(), *work.words],
            env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        report = json.loads(done.stdout)
        return report["seconds"], report["calls"]


def _row(bench: Bench, work: Work, nothing: dict[str, float]) -> tuple[str, ...]:
    ways: dict[str, Callable[[], float]] = {
        "plain": lambda: bench.plain(work),
        "trace": lambda: bench.trace(work)[0],
        "strace --seccomp-bpf": lambda: bench.strace(work, "--seccomp-bpf"),
        "strace": lambda: bench.strace(work),
    }
    for measure in ways.values():
        measure()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, measure in ways.items():
            seconds[name].append(measure())
    # The least of each: what else the machine does only ever adds.
    alone = {name: max(min(values) - nothing.get(name, 0.0), 1e-5) for name, values in seconds.items()}
    calls = bench.trace(work)[1]
    factors = (f"{alone[name] / alone['plain']:.2f}" for name in ways if name != "plain")
    return (work.name, f"{alone['plain'] * 1000:.1f}", str(calls), *factors)


def _nothing(bench: Bench) -> dict[str, float]:
    """What each way costs for a program that does nothing; a trace counts from the program's start on."""
    work = Work("", lambda: build("hello", "c-musl"), ())
    bench.plain(work)
    measured = {
        "plain": [bench.plain(work) for _ in range(ROUNDS * 2)],
        "strace": [bench.strace(work) for _ in range(ROUNDS * 2)],
        "strace --seccomp-bpf": [bench.strace(work, "--seccomp-bpf") for _ in range(ROUNDS * 2)],
        "trace": [bench.trace(work)[0] for _ in range(ROUNDS)],
    }
    return {name: min(values) for name, values in measured.items()}


def main() -> None:
    """A row a program; in turns, so that a slow spell lands on all."""
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as name:
        from pathlib import Path  # noqa: PLC0415 - as a value, here alone

        bench = Bench(Path(name))
        nothing = _nothing(bench)
        works = [work for work in WORKS if not wanted or any(word in work.name for word in wanted)]
        rows = [_row(bench, work, nothing) for work in works]
    header = ("", "plain ms", "calls", "trace", "strace --seccomp-bpf", "strace")
    print_table("trace: the time of the program alone, divided by that under whit run", header, rows)


if __name__ == "__main__":
    main()
