"""``whit syscalls`` for people. Pure: findings in, lines out; what came out of a file is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.showing.present import printable, wrapped
from whit.packer.support.counting import counted
from whit.packer.syscalls.found import ASSUMPTIONS
from whit.packer.syscalls.names import syscall_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from whit.packer.syscalls.found import Findings, Place

_INDENT = "  "
_SHOWN = 12
"""Unknown places that are listed: the others are of the same kind mostly."""

_STEPS = 6
"""Functions of a way that are shown."""


def page(name: str, findings: Findings, width: int | None = None, *, ways: bool = False) -> Iterator[str]:
    """The calls in the order of their names, then what is unknown; lines of at most ``width`` characters if given."""
    names = syscall_names(findings.architecture)
    calls = sorted(names[number] for number in findings.numbers if number in names)
    yield click.style(printable(f"{name}: {summary(findings)}"), bold=True)
    if ways:
        for call in calls:
            yield from _ways(findings, call)
    else:
        for line in wrapped(" ".join(calls), width and width - len(_INDENT)):
            yield f"{_INDENT}{line}"
    for place in findings.foreign:
        yield f"{_INDENT}{_place(place)}: enters the kernel as another architecture's program: no filter of whit's allows that"
    if not findings.complete:
        yield ""
        yield from _unknown(findings)
        return
    yield ""
    yield "No others, provided that:"
    for assumption in ASSUMPTIONS:
        opening, *more = wrapped(assumption, width and width - len(_INDENT) * 2)
        yield f"{_INDENT}- {opening}"
        yield from (f"{_INDENT}  {line}" for line in more)


def summary(findings: Findings) -> str:
    """``65 of 391 system calls, made at 39 places``."""
    names = syscall_names(findings.architecture)
    known = len(findings.numbers & names.keys())
    return f"{known} of {len(names)} system calls, made at {counted(len(findings.entries), 'place')}"


def _ways(findings: Findings, call: str) -> Iterator[str]:
    names = syscall_names(findings.architecture)
    yield f"{_INDENT}{call}"
    for entry in findings.entries:
        for way in entry.ways:
            if names.get(way.number) == call:
                yield f"{_INDENT * 2}{_place(entry.place)}{_from(way.places)}"


def _from(places: Sequence[Place]) -> str:
    """The functions that a number comes through, nearest to the kernel first."""
    steps = [_place(place) for place in places[-2::-1]]
    shown = steps if len(steps) <= _STEPS else [*steps[: _STEPS - 1], "…", steps[-1]]
    return "".join(f" ← {step}" for step in shown)


def _unknown(findings: Findings) -> Iterator[str]:
    yield click.style("What else it may call is unknown: no filter can be made from this.", fg="yellow")
    for lack in findings.unknown[:_SHOWN]:
        where = _place(lack.places[0]) if lack.places else ""
        yield f"{_INDENT}{_place(lack.site)}: {lack.reason}{f' ({where})' if where else ''}"
    if len(findings.unknown) > _SHOWN:
        yield f"{_INDENT}… and {len(findings.unknown) - _SHOWN} more: --json lists them all"


def _place(place: Place) -> str:
    return printable(f"{place.address:#x} {place.function}".rstrip())
