"""An attack surface for people. Pure: lines out; what came out of a file is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.showing.present import columns, printable, under, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.surface.model import Compared, Part, Surface

TITLES = {"docker": "docker run", "whit": "whit run", "own": "--seccomp auto", "strict": "--sandbox strict"}
"""How the confinements are called before people."""

_HEADS = {"docker": "docker", "whit": "whit", "own": "auto", "strict": "strict"}
"""The same where there is no room."""

UNITS = "1 point a system call, 10 a capability; docs/report.md tells all. Lower is better; it is no measure of the kernel's or the program's own bugs."
_SHOWN, _WIDTH = 6, 9


def page(compared: Compared, width: int | None = None) -> Iterator[str]:
    """A table of the parts, each confinement a column of counts and points, then what there is of each under whit."""
    subject, surfaces = compared.subject, compared.surfaces
    figures = ", ".join(f"{_figure(surface)} under {TITLES[surface.name]}" for surface in surfaces)
    yield click.style(printable(f"Attack surface of {subject.name}: {figures}"), bold=True)
    rows = [("", *(_HEADS[surface.name] for surface in surfaces))]
    by_part = zip(*(surface.parts for surface in surfaces), strict=True)
    rows.extend((parts[0].title, *map(_cell, parts)) for parts in by_part)
    rows.append(("figure", *map(_figure, surfaces)))
    yield from columns([tuple(cell.rjust(_WIDTH) if at else cell for at, cell in enumerate(row)) for row in rows])
    for line in wrapped(UNITS, width and width - 2):
        yield click.style(f"  {line}", dim=True)
    yield from _names(surfaces[1], width)
    yield from _ports(compared, width)
    if subject.calls is None:
        yield from under(f"Which calls its own code can make isn't known: {printable(subject.why)}", width)


def _cell(part: Part) -> str:
    count = "all" if part.note == "all" else f"{part.count}"
    return count if not part.points else f"{count} = {part.points}"


def _figure(surface: Surface) -> str:
    return "not known" if surface.figure is None else str(surface.figure)


def _names(surface: Surface, width: int | None) -> Iterator[str]:
    """The names that are few, under whit."""
    shown = [part for part in surface.parts if part.id != "calls" and (part.names or part.note)]
    for part in shown:
        names = ", ".join(part.names[:_SHOWN])
        more = f" and {part.count - _SHOWN} more" if part.count > _SHOWN else ""
        told = f"{names}{more} ({part.note})" if names and part.note else f"{names}{more}" if names else part.note
        yield from under(printable(f"{part.heading}: {told}"), width)


def _ports(compared: Compared, width: int | None) -> Iterator[str]:
    """Where it may listen in a strict sandbox, and what to do where that is nowhere."""
    for surface in compared.surfaces:
        names = surface.by_id["ports"].names
        if surface.name == "strict":
            told = ", ".join(names) or "none is named or seen in its code; of a server: strict,bind=PORT"
            yield from under(printable(f"TCP ports under {TITLES[surface.name]}: {told}"), width)
