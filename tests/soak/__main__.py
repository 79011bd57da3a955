"""``python -m tests.soak [--containers N] [--alive N] [--kills N] [--seed N]``: exit status 1 if anything is left or lost.

Each way to run containers is tried in three rounds: N containers started and removed, four at a time; N alive at once, each
still there at the end; and N times a runtime that is killed at a random point of a random command. After each round no
process, mount, control group, network namespace or state file may be left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import sys
import tempfile
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.soak.kept import WhitKept
from tests.soak.ledger import CGROUPS, Ledger
from tests.soak.subjects import Subject, WhitOci, WhitRun

if TYPE_CHECKING:
    from collections.abc import Callable

WORKERS = 4


def log(text: str) -> None:
    """Tell how far it is."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def every(do: Callable[[int], object], numbers: range) -> list[str]:
    """Do it for each number, some at a time; what went wrong."""

    def attempt(number: int) -> str:
        try:
            do(number)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            return f"{number}: {error}"
        return ""

    with ThreadPoolExecutor(WORKERS) as pool:
        return [text for text in pool.map(attempt, numbers) if text]


def churn(subject: Subject, count: int) -> tuple[list[str], str]:
    """Started and removed, one after the other."""
    return every(subject.once, range(count)), ""


def alive(subject: Subject, count: int) -> tuple[list[str], str]:
    """All at once; then each must still be there."""
    numbers = range(count)
    wrong = every(subject.begin, numbers)
    lost = [number for number in numbers if not subject.lives(number)]
    seen = subject.ledger.look().counts()
    wrong += [f"{number}: is gone" for number in lost]
    return wrong + every(subject.end, numbers), ", ".join(f"{number} {name}" for name, number in seen.items())


def killed(subject: Subject, count: int, seed: int) -> tuple[list[str], str]:
    """The runtime killed at random."""
    kinds: Counter[str] = Counter()

    def attempt(number: int) -> None:
        kinds[subject.killed(number, random.Random(seed + number))] += 1

    wrong = every(attempt, range(count))
    return wrong, ", ".join(f"{name} {number}" for name, number in sorted(kinds.items()))


def report(subject: Subject, title: str, outcome: Callable[[], tuple[list[str], str]]) -> bool:
    """Do a round; whether all went well."""
    begun = time.monotonic()
    wrong, more = outcome()
    seconds = time.monotonic() - begun
    left = subject.ledger.settle()
    counts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in left.counts().items())
    log(
        f"{subject.name}: {title}: {len(wrong)} wrong in {seconds:.0f} s; left: {counts}{f' (seen: {more})' if more else ''}"
    )
    for text in wrong[:10]:
        log(f"    {text}")
    if left:
        log(f"    {left}")
    return not wrong and not left


def try_one(subject: Subject, options: argparse.Namespace) -> bool:
    """All rounds."""
    rounds = (
        (f"{options.containers} one after the other", lambda: churn(subject, options.containers)),
        (f"{options.alive} at once", lambda: alive(subject, options.alive)),
        (f"killed {options.kills} times", lambda: killed(subject, options.kills, options.seed)),
    )
    outcomes = [report(subject, title, outcome) for title, outcome in rounds]
    return all(outcomes)


def remove_groups(group: str) -> None:
    """The parent cgroups, which whit-oci leaves to who named them."""
    for path in (CGROUPS, *CGROUPS.iterdir()):
        with contextlib.suppress(OSError):
            (path / group).rmdir()


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--containers", type=int, default=1000)
    parser.add_argument("--alive", type=int, default=200)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--only", choices=("whit", "whit-oci", "kept"))
    options = parser.parse_args()
    log(f"seed {options.seed}")
    folder = Path(tempfile.mkdtemp(prefix="whit-soak-"))
    mark = uuid.uuid4().hex[:12]
    environment = {**os.environ, "WHIT_SOAK": mark, "WHIT_ROOT": str(folder / "store")}
    group = f"whit-soak-{mark}"
    try:
        results = []
        store = folder / "store"
        kept = (store / "containers", store / "containers" / "names", store / "oci")
        subjects: dict[str, Subject] = {
            "whit": WhitRun(Ledger(mark, folder, "whit", (), set()), environment),
            "whit-oci": WhitOci(Ledger(mark, folder, group, (folder / "state",)), environment),
            "kept": WhitKept(Ledger(mark, folder, "whit", kept, set()), environment),
        }
        results += [try_one(one, options) for name, one in subjects.items() if options.only in {None, name}]
    finally:
        remove_groups(group)
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
