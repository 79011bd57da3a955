"""``whit lint`` for people. Pure: findings in, lines out; what came out of a file is escaped."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import click

from whit.packer.lint import count
from whit.packer.lint.model import ORDER, Level
from whit.packer.showing.console import human_size
from whit.packer.showing.present import printable, wrapped
from whit.packer.support.counting import counted
from whit.packer.support.shortid import short_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from whit.packer.lint.fix import Fixed
    from whit.packer.lint.model import Finding, Place

_COLOURS = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "cyan"}
_SHOWN = 8
_INDENT = "  "
_LABEL = 11
"""``  why    `` and the like."""


def page(name: str, about: str, findings: Sequence[Finding], width: int | None = None) -> Iterator[str]:
    """The findings, worst first, each with its why and its cure; lines of at most ``width`` characters if given.

    Styled: ``click.echo`` drops that where no terminal reads.
    """
    yield click.style(printable(f"{name}: {about}"), bold=True)
    if not findings:
        yield click.style("nothing to mend", fg="green")
        return
    yield summary(findings)
    for _, same in groupby(findings, key=lambda finding: (finding.level, finding.id)):
        yield ""
        yield from _rule(name, list(same), width)


def summary(findings: Sequence[Finding]) -> str:
    """``2 errors, 1 warning, 3 notes``."""
    counts = [(count(findings, level), level) for level in ORDER]
    return ", ".join(click.style(counted(number, level), fg=_COLOURS[level]) for number, level in counts if number)


def _rule(name: str, findings: Sequence[Finding], width: int | None) -> Iterator[str]:
    first = findings[0]
    level = click.style(f"{first.level:7}", fg=_COLOURS[first.level], bold=True)
    yield f"{level}  {click.style(first.title, bold=True)}  {click.style(f'[{first.id}]', dim=True)}"
    for finding in findings[:_SHOWN]:
        place = where(finding.where, known=name)
        yield from _labelled("", printable(f"{finding.what}{f' ({place})' if place else ''}"), width)
    if len(findings) > _SHOWN:
        yield from _labelled("", f"and {len(findings) - _SHOWN} more; --json lists them all", width)
    yield from _labelled("why", first.why, width)
    yield from _labelled("cure", first.cure, width)
    yield from (click.style(line, dim=True) for line in _labelled("more", first.source, None))


def _labelled(label: str, text: str, width: int | None) -> Iterator[str]:
    opening, *more = wrapped(text, width and width - _LABEL)
    yield f"{_INDENT}{label:{_LABEL - len(_INDENT)}}{opening}"
    yield from (f"{'':{_LABEL}}{line}" for line in more)


def where(place: Place, known: str | None = None) -> str:
    """A place in words, without the file that is ``known`` anyway; empty for an image's configuration."""
    words = [
        place.path if place.path != known else None,
        place.section,
        f"at {place.offset:#x}" if place.offset is not None else None,
    ]
    layer = f"layer {short_id(place.layer)}" if place.layer else None
    return ", ".join(filter(None, [" ".join(filter(None, words)), layer]))


def fixed_lines(fixed: Fixed | None, width: int | None = None) -> Iterator[str]:
    """What ``--fix`` did."""
    yield ""
    if fixed is None:
        yield "Nothing was written: there is nothing that --fix takes away"
        return
    before, after = human_size(fixed.size_before), human_size(fixed.size_after)
    yield click.style(f"Written to {printable(fixed.path)}: {after} instead of {before}", bold=True)
    if fixed.removed:
        yield from _labelled("without", printable(", ".join(fixed.removed)), width)
    if fixed.stack_cleared:
        yield from _labelled("stack", "no longer executable", width)
    yield from _labelled("same", "every loaded byte, what it is, what it needs", width)
    yield from _labelled("tried", printable(fixed.tried), width)
