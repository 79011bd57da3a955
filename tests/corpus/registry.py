"""Real programs from registries: known for what they are, packed, run as directly, and compared by size.

``python -m tests.corpus registry`` takes minutes the first time: it downloads some 400 MB and builds some Go programs.
``python -m tests.corpus.registry NAME…`` takes only those. The table goes to the standard output, in Markdown.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.corpus import distroless, work
from tests.corpus.distroless import gzipped, image_size, package_size
from tests.corpus.programs import DYNAMIC, NONROOT, PROGRAMS, Program
from tests.peers import PROJECT, find_peer
from tests.programs.registries import ProgramMissingError

if TYPE_CHECKING:
    from collections.abc import Iterable

WHIT = PROJECT / ".venv" / "bin" / "whit"
SECONDS = 120
HEADER = (
    *("program", "language and version", "right", "linkage", "file MB", "whit MB", "gzip alone", "distroless-like"),
    *("÷ whit", "files beside it", "same output"),
)


@dataclass(frozen=True)
class Said:
    """What a program said, and how it ended."""

    output: str
    errors: str
    exit_code: int


@dataclass(frozen=True)
class Row:
    """One program's line; sizes in bytes. ``faults`` are whit's, each with what was expected and what came."""

    program: Program
    language: str = ""
    right: bool = False
    linkage: str = ""
    size: int = 0
    image: int = 0
    floor: int = 0
    distroless: int = 0
    beside: tuple[str, ...] = ()
    same: str = ""
    missing: str = ""
    faults: tuple[str, ...] = field(default=())


class Bench:
    """Packs into a store of its own and runs in one folder, which is at the same path inside and outside."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self._environment = {**os.environ, "WHIT_ROOT": str(folder / "root")}
        self.work = folder / "work"
        self.work.mkdir(mode=0o755)
        work.lay(self.work)
        self._home = folder / "home"

    def whit(self, *arguments: str | Path, stdin: str = "") -> Said:
        return _said([WHIT, *arguments], self.work, self._environment, stdin)

    def directly(self, program: Program, executable: Path) -> Said:
        """Run as the user that it is in an image, where root can choose."""
        environment = {"PATH": os.defpath, "HOME": str(self._empty_home())}
        user = program.user if os.geteuid() == 0 else None
        return _said([executable, *self._arguments(program)], self.work, environment, program.stdin, user)

    def confined(self, program: Program) -> Said:
        home = self._empty_home()
        places = ("-v", f"{self.work}:{self.work}:ro", "-w", self.work, "-v", f"{home}:{home}", "-e", f"HOME={home}")
        return self.whit("run", *places, f"real/{program.name}", *self._arguments(program), stdin=program.stdin)

    def _empty_home(self) -> Path:
        """A folder of the user's own that keeps nothing from one run to the next."""
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir(mode=0o755)
        if os.geteuid() == 0:
            os.chown(self._home, NONROOT, NONROOT)
        return self._home

    def _arguments(self, program: Program) -> list[str]:
        return [argument.replace("/work", str(self.work)) for argument in program.work]


def _said(
    command: list[str | Path], folder: Path, environment: dict[str, str], stdin: str, user: int | None = None
) -> Said:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=stdin.encode(),
        capture_output=True,
        timeout=SECONDS,
        check=False,
        user=user,
        group=user,
        extra_groups=[] if user else None,
    )
    return Said(done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), done.returncode)


def measured(bench: Bench, program: Program) -> Row:
    """All that there is to know about one program; what goes wrong with whit is in the row."""
    try:
        executable = program.fetch()
    except ProgramMissingError as error:
        return Row(program, missing=str(error))
    except subprocess.TimeoutExpired as error:
        return Row(program, missing=f"not within {error.timeout:.0f} s")
    row = _identified(bench, program, executable)
    return replace(_packed(bench, row, executable), floor=gzipped(executable), size=executable.stat().st_size)


def _identified(bench: Bench, program: Program, executable: Path) -> Row:
    said = bench.whit("inspect", "--json", *_sysroot(program), executable)
    if said.exit_code:
        return Row(program, faults=(f"inspect: {_last(said)}",))
    found: dict[str, Any] = json.loads(said.output)
    language = found["language"] or {"name": None, "version": None}
    expected = {
        "language": program.language or "unknown",
        "version": _go_version(executable) or language["version"],
        "linkage": program.linkage,
        "architecture": program.architecture,
    }
    seen = {
        "language": language["name"] or "unknown",
        "version": language["version"],
        "linkage": found["linkage"],
        "architecture": found["platform"]["architecture"],
    }
    faults = tuple(
        f"{name}: {expected[name]} expected, {seen[name]} said" for name in seen if seen[name] != expected[name]
    )
    spoken = f"{seen['language']} {seen['version'] or ''}".strip()
    return Row(program, language=spoken, linkage=found["linkage"], right=not faults, faults=faults)


def _sysroot(program: Program) -> tuple[str | Path, ...]:
    return ("--sysroot", program.sysroot) if program.sysroot else ()


def _go_version(executable: Path) -> str | None:
    """What Go's own tool says; None where it knows nothing or isn't there."""
    go = find_peer("go")
    if go is None:
        return None
    said = subprocess.run([go, "version", executable], capture_output=True, text=True, check=False).stdout
    words = said.rpartition(": ")[2].split()
    return words[0].removeprefix("go") if words and words[0].startswith("go1") else None


def _packed(bench: Bench, row: Row, executable: Path) -> Row:
    program = row.program
    options = (*_sysroot(program), *program.pack)
    said = bench.whit("pack", "--json", executable, "-t", f"real/{program.name}", *options)
    if said.exit_code:
        return replace(row, same="no image", faults=(*row.faults, f"pack: {_last(said)}"))
    image: dict[str, Any] = json.loads(said.output)
    beside = tuple(file["path"] for file in image["files"] if file["kind"] != "directory")
    faults = row.faults
    if image["platform"]["architecture"] != program.architecture:
        faults = (*faults, f"the image is for {image['platform']['architecture']}")
    row = replace(row, image=image["compressed"], beside=beside[:-1], faults=faults)
    row = replace(row, distroless=_distroless(program, executable))
    return replace(row, same="not run") if program.architecture != "amd64" else _compared(bench, row, executable)


def _distroless(program: Program, executable: Path) -> int:
    """Bytes of the distroless-like image; 0 for foreign dynamic programs, whose packages aren't installed here."""
    if program.package:
        return package_size(program.package)
    if program.linkage != DYNAMIC:
        return image_size(executable, distroless.STATIC)
    if program.architecture != "amd64":
        return 0
    return image_size(executable, distroless.MUSL if program.kind.endswith("musl") else distroless.DYNAMIC)


def _compared(bench: Bench, row: Row, executable: Path) -> Row:
    program = row.program
    alone, confined = bench.directly(program, executable), bench.confined(program)
    faults = row.faults
    if alone.exit_code != program.exit_code:
        faults = (*faults, f"directly: exit code {alone.exit_code}, {program.exit_code} expected: {_last(alone)}")
    for name in ("exit_code", "output", "errors"):
        if getattr(alone, name) != getattr(confined, name):
            faults = (*faults, f"{name}: directly {_differing(alone, confined, name)}")
    return replace(row, same="yes" if alone == confined else "**no**", faults=faults)


def _differing(alone: Said, confined: Said, name: str) -> str:
    """The first line that differs."""
    one, other = (str(getattr(said, name)).splitlines() for said in (alone, confined))
    for position in range(max(len(one), len(other))):
        left, right = ((lines[position] if position < len(lines) else None) for lines in (one, other))
        if left != right:
            return f"{left!r}, confined {right!r}"
    return "and confined differ in line endings"


def _last(said: Said) -> str:
    return " / ".join(said.errors.strip().splitlines()[-2:]) or "no message"


def _line(row: Row) -> list[str]:
    beside = len(row.beside)
    libraries = sum(".so" in path for path in row.beside)
    return [
        row.program.name,
        row.language,
        "yes" if row.right else "**no**",
        row.linkage,
        f"{row.size / 1e6:.2f}",
        f"{row.image / 1e6:.2f}",
        f"{row.floor / 1e6:.2f}",
        f"{row.distroless / 1e6:.2f}" if row.distroless else "-",
        f"{row.distroless / row.image:.2f}" if row.distroless and row.image else "-",
        f"{beside}" + (f", {libraries} libraries" if libraries else ""),
        row.same,
    ]


def report(rows: Iterable[Row]) -> str:
    """A table a kind, and below what couldn't be had and what went wrong."""
    rows = list(rows)
    had = [row for row in rows if not row.missing]
    parts = [
        _markdown([["**" + kind + "**", *[""] * (len(HEADER) - 1)], *lines]) for kind, lines in _by_kind(had).items()
    ]
    table = "\n".join([_markdown([list(HEADER), ["---"] * len(HEADER)]), *parts])
    missing = [f"- not to be had: {row.program.name}: {row.missing}" for row in rows if row.missing]
    faults = [f"- {row.program.name}: {fault}" for row in rows for fault in row.faults]
    same = Counter(row.same for row in had)
    sums = (
        f"{len(had)} of {len(rows)} programs; known for what they are: {sum(row.right for row in had)}; "
        f"packed: {sum(row.image > 0 for row in had)}; the same output as directly: {same['yes']} of {len(had) - same['not run']}; "
        f"larger than the distroless-like image: {sum(0 < row.distroless < row.image for row in had)}"
    )
    return "\n".join([table, "", sums, *missing, *faults])


def _by_kind(rows: Iterable[Row]) -> dict[str, list[list[str]]]:
    kinds: dict[str, list[list[str]]] = {}
    for row in rows:
        kinds.setdefault(row.program.kind, []).append(_line(row))
    return kinds


def _markdown(lines: Iterable[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main(chosen: Iterable[str]) -> int:
    """How many programs whit failed; the table is printed."""
    names = set(chosen)
    programs = [program for program in PROGRAMS if not names or program.name in names]
    folder = Path(tempfile.mkdtemp(prefix="whit-corpus-"))
    rows = []
    try:
        bench = Bench(folder)
        _lay_image(bench)
        for program in programs:
            rows.append(measured(bench, program))
            sys.stderr.write(_progress(rows[-1]))
            bench.whit("rmi", f"real/{program.name}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(report(rows) + "\n")
    return sum(bool(row.faults) for row in rows)


def _progress(row: Row) -> str:
    said = row.missing or "; ".join(row.faults) or f"{row.same} {row.image}"
    return f"{row.program.name}: {said}\n"


def _lay_image(bench: Bench) -> None:
    """An image for those that read images."""
    said = bench.whit("pack", "/bin/busybox", "-t", "real/box", "-o", bench.work / "image.tar")
    if said.exit_code:
        sys.exit(f"Debian's busybox-static can't be packed: {_last(said)}")


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
