"""The closure of every dynamic program on this machine: whit, the loader's own answer, auditwheel's lddtree beside it.

    python -m tests.corpus.closure [FOLDER...]      by default /usr/bin and /usr/sbin

Then the search-order cases of tests/integration/test_closure_search.py, in which lddtree is asked too. It comes from
PyPI's auditwheel, which is put into ``build/auditwheel``. Exits with 1 if whit and a loader disagree.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.loaders import GLIBC, MUSL, MUSL_LOADER, NOT_FOUND, loader_of, loader_says, whit_says
from whit.packer.closure.closing import close
from whit.packer.executable.analysis import Linkage, Wanted
from whit.packer.executable.file import open_executable
from whit.packer.resolution.model import Program
from whit.packer.store.filetree import HostTree
from whit.packer.support.errors import WhitError

AUDITWHEEL = Path("build/auditwheel/bin/python")
_LDDTREE = """
import json, sys
from pathlib import Path
from auditwheel.lddtree import ldd
for line in sys.stdin:
    path = Path(line.strip())
    try:
        found = ldd(path).libraries
        print(json.dumps({name: str(library.path) if library.path else "not found" for name, library in found.items()}))
    except Exception as error:
        print(json.dumps({"error": repr(error)}))
    sys.stdout.flush()
"""


@dataclass
class Tally:
    """One tool's answers: programs whose files are all the same, and milliseconds of the rest."""

    equal: int = 0
    different: list[str] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def row(self, name: str, programs: int) -> str:
        """A line of the table."""
        times = sorted(self.milliseconds) or [0.0]
        middle, late = times[len(times) // 2], times[len(times) * 95 // 100]
        return f"{name:12} {self.equal:5} of {programs:5}   {middle:8.1f} ms {late:8.1f} ms {times[-1]:8.1f} ms"


def dynamic_programs(folders: list[str]) -> list[Path]:
    """Every dynamic executable in the folders whose loader is there."""
    found = []
    for folder in folders:
        for path in sorted(Path(folder).iterdir()):
            if path.is_symlink() or not path.is_file():
                continue
            try:
                analysis = open_executable(str(path), Wanted()).analysis
            except WhitError:
                continue
            if analysis.linkage is Linkage.DYNAMIC and analysis.interpreter and Path(analysis.interpreter).exists():
                found.append(path)
    return found


def real(answer: dict[str, str], loader: str) -> set[str]:
    """The files of an answer, without the loader: tools name it differently."""
    return {os.path.realpath(path) if path != NOT_FOUND else f"{name} {path}" for name, path in answer.items()} - {
        os.path.realpath(loader)
    }


class Cases:
    """A pytest plug-in that asks lddtree in every search-order case, beside the loader that the case asks."""

    def __init__(self, lddtree: subprocess.Popen[str]) -> None:
        self.lddtree = lddtree
        self.asked = {GLIBC: 0, MUSL: 0}
        self.equal = {GLIBC: 0, MUSL: 0}

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        """Put this plug-in's question before the cases' own."""
        module: Any = items[0].module
        agreed = module.agreed

        def asking(program: Path, **environment: str) -> dict[str, str]:
            found: dict[str, str] = agreed(program, **environment)
            loader = loader_of(program)
            compiler = MUSL if loader == MUSL_LOADER else GLIBC
            if not environment:
                self.asked[compiler] += 1
                answer = loader_says(program)
                self.equal[compiler] += real(_ask(self.lddtree, program), loader) == real(answer, loader)
            return found

        module.agreed = asking


def main(folders: list[str]) -> int:
    """Compare, print the tables and what differs."""
    lddtree = _start_lddtree()
    failed = _compare_programs(folders, lddtree)
    cases = Cases(lddtree)
    status = pytest.main(["-q", "--no-header", "tests/integration/test_closure_search.py"], plugins=[cases])
    for compiler, count in cases.asked.items():
        print(f"search-order cases, {compiler}: whit {count} of {count}, lddtree {cases.equal[compiler]}")  # noqa: T201
    return int(failed or status != 0)


def _compare_programs(folders: list[str], lddtree: subprocess.Popen[str]) -> bool:
    programs = dynamic_programs(folders)
    ours, theirs, tree = Tally(), Tally(), HostTree()
    for program in programs:
        loader = loader_of(program)
        answer = loader_says(program)
        if whit_says(program) == answer:
            ours.equal += 1
        else:
            ours.different.append(str(program))
        executable = open_executable(str(program), Wanted())
        start = time.perf_counter()
        closure = close(executable.analysis, Program(executable.file, f"/{program.name}"), tree, tree)
        ours.milliseconds.append((time.perf_counter() - start) * 1000)
        if closure.missing and NOT_FOUND not in answer.values():
            ours.different.append(f"{program}: {closure.missing[0]}")
        start = time.perf_counter()
        other = _ask(lddtree, program)
        theirs.milliseconds.append((time.perf_counter() - start) * 1000)
        if real(other, loader) == real(answer, loader):
            theirs.equal += 1
    print(f"{'':12} {'same as the loader':>14}   {'median':>11} {'95 %':>11} {'longest':>11}")  # noqa: T201 - a command
    print(ours.row("whit", len(programs)))  # noqa: T201
    print(theirs.row("lddtree", len(programs)))  # noqa: T201
    print("\n".join(f"different: {name}" for name in ours.different))  # noqa: T201
    return bool(ours.different)


def _start_lddtree() -> subprocess.Popen[str]:
    if not AUDITWHEEL.exists():
        subprocess.run([sys.executable, "-m", "venv", AUDITWHEEL.parent.parent], check=True)
        subprocess.run([AUDITWHEEL, "-m", "pip", "install", "--quiet", "auditwheel"], check=True)
    return subprocess.Popen([AUDITWHEEL, "-c", _LDDTREE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _ask(lddtree: subprocess.Popen[str], program: Path) -> dict[str, str]:
    assert lddtree.stdin is not None
    assert lddtree.stdout is not None
    lddtree.stdin.write(f"{program}\n")
    lddtree.stdin.flush()
    answer: dict[str, str] = json.loads(lddtree.stdout.readline())
    return answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["/usr/bin", "/usr/sbin"]))
