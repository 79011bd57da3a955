"""What system calls a program really makes, and from where: strace's word for it."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_LINE = re.compile(r"(\d+) +\[ *(\d+)\] \[([0-9a-f]{16})\] (\w+)")
_FORKED = re.compile(r"(?:clone3?|v?fork)(?:\(| resumed).* = (\d+)$")
_ENTRY_SIZE = 2
"""Bytes of x86-64's ``syscall``: strace tells the address behind it."""

SECONDS = 120


class Call(NamedTuple):
    """One call: its number, and the address of the instruction that made it."""

    number: int
    address: int


def calls_of(program: Path, arguments: tuple[str, ...], folder: Path) -> set[Call]:
    """The calls of the program and its threads and forks, up to what these execute."""
    log = folder / "strace"
    subprocess.run(
        ["strace", "-f", "-n", "-i", "-o", log, program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return calls_in(log)


def calls_in(log: Path) -> set[Call]:
    """What ``strace -f -n -i`` has written there."""
    lines = log.read_text(errors="replace").splitlines()
    parents = {child: line.split()[0] for line in lines for child in _FORKED.findall(line)}
    first, others = "", set()
    calls: set[Call] = set()
    for line in lines:
        if match := _LINE.match(line):
            process, number, address, name = match.groups()
            first = first or process
            if name == "execve" and (process != first or calls):
                others.add(process)
            if parents.get(process) in others:
                others.add(process)
            if name != "execve" and process not in others:
                calls.add(Call(int(number), int(address, 16) - _ENTRY_SIZE))
    return calls


def moved(calls: set[Call], sites: Iterable[int]) -> int:
    """By how many bytes the loader has put a program elsewhere than its file says: what fits most calls."""
    known = list(sites)
    distances = Counter(call.address - site for call in calls for site in known)
    return distances.most_common(1)[0][0] if distances else 0
