"""Every executable of this machine under lint: how often each rule speaks, and hardening beside readelf's own words.

    python -m tests.corpus.lint [FOLDER|FILE...]      by default /usr/bin and /usr/sbin

What rules for secrets and builders' folders find is listed, for a person to judge. Exits with 1 if readelf disagrees
about a program's RELRO, stack, position independence, RUNPATH, protector or text relocations.
"""

# ruff: noqa: T201 - it is a command

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Format, Linkage, Relro
from whit.packer.executable.file import opened
from whit.packer.lint import fetch, lint_program
from whit.packer.support.errors import WhitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.executable.analysis import Analysis, Hardening
    from whit.packer.lint.model import Program

LISTED = frozenset({"private-key", "token", "builders-home", "open-runpath", "builders-runpath"})


def programs(places: list[str]) -> Iterator[tuple[Path, Program, float]]:
    """Each executable once, with the seconds that reading it took."""
    seen: set[Path] = set()
    for place in map(Path, places):
        for path in sorted(place.iterdir()) if place.is_dir() else [place]:
            real = path.resolve()
            if real in seen or not real.is_file() or not os.access(real, os.X_OK):
                continue
            seen.add(real)
            start = time.perf_counter()
            try:
                with opened(str(real)) as file:
                    program = fetch.program_of(file)
            except WhitError:
                continue
            yield real, program, time.perf_counter() - start


def said_by_readelf(path: Path) -> dict[str, object]:
    """What readelf's lines say, word by word."""
    line: list[str | Path] = ["readelf", "-W", "-h", "-l", "-d", "--dyn-syms", path]
    shown = subprocess.run(line, capture_output=True, text=True, errors="replace", check=False).stdout
    relro = Relro.NONE
    if "GNU_RELRO" in shown:
        now = re.search(r"\(BIND_NOW\)|\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*NOW", shown) or "(JMPREL)" not in shown
        relro = Relro.FULL if now else Relro.PARTIAL
    stack = re.search(r"GNU_STACK .* (R?W?E?) +0x[0-9a-f]+$", shown, re.MULTILINE)
    runpath = re.search(r"\(RUNPATH\).*\[(.*)\]", shown) or re.search(r"\(RPATH\).*\[(.*)\]", shown)
    return {
        "relro": relro,
        "executable_stack": bool(stack and "E" in stack[1]),
        "pie": bool(re.search(r"Type: +DYN", shown)),
        "runpath": tuple(runpath[1].split(":")) if runpath and runpath[1] else (),
        "text_relocations": bool(re.search(r"\(TEXTREL\)|\(FLAGS\).*TEXTREL", shown)),
        "protector": bool(re.search(r" __stack_chk_fail(@|$)", shown, re.MULTILINE)),
    }


def disagreements(analysis: Analysis, hardening: Hardening, said: dict[str, object]) -> list[str]:
    """The names of what isn't as readelf says."""
    names = ["executable_stack", "pie", "runpath", "text_relocations"]
    if analysis.linkage is Linkage.DYNAMIC:
        names.append("relro")
    wrong = [name for name in names if getattr(hardening, name) != said[name]]
    if analysis.stripped and hardening.stack_protector is not None and hardening.stack_protector != said["protector"]:
        wrong.append("stack_protector")
    return wrong


def main(places: list[str]) -> int:
    """Print the tables; 1 where readelf disagrees."""
    rules: Counter[str] = Counter()
    wrong: list[str] = []
    slowest: list[tuple[float, Path]] = []
    compared = total = 0
    for path, program, seconds in programs(places or ["/usr/bin", "/usr/sbin"]):
        total += 1
        slowest.append((seconds, path))
        found = lint_program(program)
        rules.update({finding.id for finding in found})
        for finding in found:
            if finding.id in LISTED:
                print(f"{finding.id}: {path}: {finding.what}")
        if program.analysis.format is Format.ELF and program.analysis.hardening:
            compared += 1
            hardening = program.analysis.hardening
            names = disagreements(program.analysis, hardening, said_by_readelf(path))
            wrong += [f"{path}: {name} is {getattr(hardening, name)}" for name in names]
    print(f"{total} executables; hardening as readelf says on {compared - len(wrong)} of {compared}")
    for line in wrong:
        print(f"  {line}")
    for rule, count in rules.most_common():
        print(f"{count:6} {rule}")
    for seconds, path in sorted(slowest, reverse=True)[:3]:
        print(f"{seconds:6.2f} s {path}, {path.stat().st_size >> 20} MiB")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
