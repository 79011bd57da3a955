"""The parts of a report but the map: what it is, what it needs, what could be reached, the calls, the findings. Pure."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from whit.packer.needs.model import Verdict
from whit.packer.report.graph import Edge, drawing
from whit.packer.report.markup import Markup, joined, table, tag
from whit.packer.showing.wording import fact, needed_file_lines
from whit.packer.support.counting import counted
from whit.packer.surface.counted import COUNTED, MEANING
from whit.packer.surface.present import TITLES, UNITS
from whit.packer.syscalls.found import ASSUMPTIONS
from whit.packer.syscalls.names import syscall_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from whit.packer.lint.model import Finding
    from whit.packer.needs.model import Need
    from whit.packer.report.gathering import Called, Looked
    from whit.packer.resolution.model import Resolution
    from whit.packer.surface.model import Compared, Surface
    from whit.packer.syscalls.found import Findings, Place

_EVERY = "every image has it"
_SIGNS = {"error": "✖", "warning": "▲", "note": "●"}
_WAYS, _STEPS, _UNKNOWN, _EVIDENCE = 6, 8, 20, 4


def needs_section(looked: Looked) -> Markup:
    """Files and libraries beside it with their reasons, as a graph and as tables; then the needs with their evidence."""
    resolution = looked.resolution
    if resolution is None:
        needs = looked.needs
        told = tag("p", "An image has its files already; this is what its program asks for.")
        return joined((told, _needs_table(needs)))
    edges = [*_file_edges(looked.name, resolution), *_library_edges(looked.name, resolution)]
    why = {need.name: f"{need.name}: {need.reason}" for need in resolution.needs}
    files = [(line.path, line.size, why.get(line.reason, line.reason)) for line in needed_file_lines(resolution)]
    libraries = [(one.image_path, ", ".join(one.needed_by), one.found_by) for one in resolution.libraries]
    missing = [(lack.what, lack.needed_by, lack.cure) for lack in resolution.missing]
    return joined(
        (
            drawing(looked.name, edges),
            table("Files in an image beside it", ("File", "Bytes", "Why"), files, frozenset({1}))
            if files
            else tag("p", "Nothing stands beside it."),
            table("Libraries", ("Library", "Asked for by", "Found by"), libraries) if libraries else "",
            table("Missing: it can't start in an image", ("What", "Asked for by", "Cure"), missing) if missing else "",
            _needs_table(resolution.needs),
        )
    )


def _file_edges(name: str, resolution: Resolution) -> Iterator[Edge]:
    """The program → its needs → their files; what nothing in it asks for is there because every image has it."""
    reasons = {need.name: need.reason for need in resolution.needs if need.verdict is not Verdict.NOT}
    judged = {need.name for need in resolution.needs}
    groups: dict[str, list[str]] = {}
    for file in resolution.files:
        if file.need in judged:
            groups.setdefault(file.need if file.need in reasons else _EVERY, []).append(file.path)
    for need, paths in groups.items():
        why = reasons.get(need, "it costs next to nothing, and much may ask for it")
        yield Edge(name, need, why)
        shown = paths if len(paths) <= _WAYS else [f"{len(paths)} in {posixpath.commonpath(paths)}"]
        yield from (Edge(need, path, why) for path in shown)


def _library_edges(name: str, resolution: Resolution) -> Iterator[Edge]:
    known = {library.soname for library in resolution.libraries}
    for library in resolution.libraries:
        for by in library.needed_by:
            yield Edge(by if by in known else name, library.soname, f"{by} asks for {library.soname}")


def _needs_table(needs: Sequence[Need]) -> Markup:
    rows = [
        (need.name, need.verdict, need.reason, ", ".join(map(fact, need.evidence[:_EVIDENCE])))
        for need in needs
        if need.verdict is not Verdict.NOT
    ]
    none = ", ".join(need.name for need in needs if need.verdict is Verdict.NOT)
    return joined(
        (
            table("What it needs, by its code", ("Need", "Verdict", "Why", "Evidence"), rows) if rows else "",
            tag("p", f"No {none}.", class_="soft") if none else "",
        )
    )


def surface_section(compared: Compared, older: Compared | None) -> Markup:
    """The parts of the figure, a column each for docker, whit and the calls of its own, and what it was before."""
    surfaces = compared.surfaces
    columns = [(TITLES[one.name], one) for one in surfaces]
    if older is not None:
        columns += [(f"{TITLES[one.name]}, before", one) for one in older.surfaces]
    rows: list[Sequence[object]] = []
    for at, part in enumerate(surfaces[0].parts):
        rows.append((part.title, *(_cell(one, at) for _, one in columns)))
    rows.append((tag("strong", "figure"), *(tag("strong", _figure(one)) for _, one in columns)))
    numbers = frozenset(range(1, len(columns) + 1))
    names = [
        (part.heading, ", ".join(part.names[:40]) or part.note)
        for part in surfaces[1].parts
        if part.id != "calls" and (part.names or part.note)
    ]
    return joined(
        (
            tag("p", UNITS),
            _counted(),
            table("How many, and the points that they make", ("Part", *(title for title, _ in columns)), rows, numbers),
            tag("details", tag("summary", "Which they are under whit run"), table("Names", ("Part", "Names"), names)),
        )
    )


def _counted() -> Markup:
    """What the figure means, for who has never met it."""
    how = table("The parts of the figure, and their points", ("What", "Points"), COUNTED)
    return tag("details", tag("summary", "What the figure counts"), tag("p", MEANING), how)


def _cell(surface: Surface, at: int) -> object:
    part = surface.parts[at]
    if not part.points:
        return str(part.count)
    most = max(one.points for one in surface.parts)
    bar = tag("meter", value=part.points, max=max(most, 1), aria_hidden="true")
    return joined((f"{part.count} = {part.points}", bar))


def _figure(surface: Surface) -> str:
    return "not known" if surface.figure is None else str(surface.figure)


def calls_section(called: Called, allowed: frozenset[str] | None, older: Called | None) -> Markup:
    """Each call with the ways to it, what isn't understood, and what came and went."""
    findings = called.findings
    if findings is None:
        return tag("p", f"Which calls its code can make isn't known: {called.why}.")
    names = syscall_names(findings.architecture)
    found = sorted((names[number], number) for number in findings.numbers if number in names)
    listed = [_call(findings, name, number, allowed) for name, number in found]
    return joined(
        (
            tag(
                "p",
                f"{len(found)} of {len(names)} calls stand in its code, at {counted(len(findings.entries), 'place')} from where the kernel is entered.",
            ),
            _changed_calls(called.names, older.names) if older is not None else "",
            tag("ul", *listed, class_="calls"),
            _unknown(findings) if findings.unknown else _assumptions(),
        )
    )


def _call(findings: Findings, name: str, number: int, allowed: frozenset[str] | None) -> Markup:
    ways = [(entry.place, way.places) for entry in findings.entries for way in entry.ways if way.number == number]
    steps = [tag("li", _way(place, places)) for place, places in ways[:_WAYS]]
    if len(ways) > _WAYS:
        steps.append(tag("li", f"… and {counted(len(ways) - _WAYS, 'more way')}"))
    refused = "" if allowed is None or name in allowed else " (whit's filter refuses it)"
    return tag("li", tag("details", tag("summary", tag("code", name), refused), tag("ul", *steps, class_="ways")))


def _way(place: Place, places: Sequence[Place]) -> str:
    """From the entry into the kernel back to where the number stands."""
    back = [one.function or f"{one.address:#x}" for one in places[-2::-1]]
    shown = back if len(back) <= _STEPS else [*back[: _STEPS - 1], "…", back[-1]]
    return " ← ".join((f"{place.address:#x} {place.function}".rstrip(), *shown))


def _changed_calls(now: frozenset[str] | None, before: frozenset[str] | None) -> Markup:
    if now is None or before is None:
        return tag("p", "What calls came and went can't be told: they aren't all known of both.")
    came, went = ", ".join(sorted(now - before)) or "none", ", ".join(sorted(before - now)) or "none"
    return joined((tag("p", f"New: {came}."), tag("p", f"Gone: {went}.")))


def _unknown(findings: Findings) -> Markup:
    rows = [(f"{one.site.address:#x}", one.site.function, one.reason) for one in findings.unknown[:_UNKNOWN]]
    return table(
        f"Not understood: {counted(len(findings.unknown), 'place')}; what else it calls isn't known",
        ("Place", "Function", "Why"),
        rows,
    )


def _assumptions() -> Markup:
    return tag(
        "details", tag("summary", "No others, provided that …"), tag("ul", *(tag("li", one) for one in ASSUMPTIONS))
    )


def findings_section(findings: Sequence[Finding]) -> Markup:
    """What lint finds, each with its cure."""
    if not findings:
        return tag("p", "whit lint finds nothing to mend.")
    return joined(_finding(one) for one in findings)


def _finding(finding: Finding) -> Markup:
    where = f" In {finding.where.path}." if finding.where.path else ""
    return tag(
        "section",
        tag("span", f"{_SIGNS[finding.level]} {finding.level}", class_="level"),
        tag("h3", finding.title),
        tag("p", f"{finding.what}.{where}"),
        tag("p", finding.why),
        tag("p", tag("strong", "Cure: "), finding.cure),
        tag("p", tag("a", "More on it", href=finding.source, rel="noreferrer"), " · ", tag("code", finding.id)),
        class_=f"finding {finding.level}",
    )
