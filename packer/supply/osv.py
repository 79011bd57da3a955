"""Vulnerabilities in the Open Source Vulnerability format (ossf.github.io/osv-schema), and what is affected by them. Pure."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.supply.cvss import Severity, base_score, severity_named, severity_of
from whit.packer.supply.versions import order_of
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import Doc, parse_object

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from whit.packer.supply.components import Component

MAX_RECORD = 16 << 20
"""Bytes of one record; the longest that there are have some MiB."""
_KINDS = ("introduced", "fixed", "last_affected", "limit")
_ORDERED = frozenset(("SEMVER", "ECOSYSTEM"))
_MAX_SUMMARY = 300


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a version brings: ``kind`` is one of OSV's four."""

    kind: str
    version: str


@dataclass(frozen=True, slots=True)
class Affected:
    """One package that is affected: in which versions, by name and by ranges."""

    ecosystem: str
    name: str
    versions: frozenset[str]
    ranges: tuple[tuple[Event, ...], ...]


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One record. ``score`` is a CVSS base score."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    severity: Severity
    score: float | None
    affected: tuple[Affected, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A component that is affected; ``fixed`` is the first version that isn't any more, where there is one."""

    component: Component
    vulnerability: Vulnerability
    fixed: str | None


def is_about(data: bytes, names: Container[str]) -> bool:
    """Whether a record names one of these packages: a quick look, as most are about others. True for what isn't a record."""
    try:
        return any(item["package"]["name"] in names for item in json.loads(data).get("affected") or ())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return True


def parse_vulnerability(data: bytes, what: str) -> Vulnerability | None:
    """A record from untrusted bytes; None for one that was withdrawn. Raises :class:`InvalidFileError`."""
    doc = parse_object(data, what, MAX_RECORD)
    if doc.free_text("withdrawn"):
        return None
    affected = doc.docs("affected")
    score, severity = _severity(doc, affected)
    return Vulnerability(
        doc.text("id"),
        doc.texts("aliases"),
        " ".join((doc.free_text("summary") or doc.free_text("details")).split())[:_MAX_SUMMARY],
        severity,
        score,
        tuple(filter(None, map(_affected, affected))),
    )


def _affected(doc: Doc) -> Affected | None:
    package = doc.doc_or_none("package")
    if package is None:
        return None
    ranges = []
    for each in doc.docs("ranges"):
        if each.text_or_none("type") in _ORDERED:
            events = ((kind, event.text_or_none(kind)) for event in each.docs("events") for kind in _KINDS)
            ranges.append(tuple(Event(kind, version) for kind, version in events if version is not None))
    return Affected(package.text("ecosystem"), package.text("name"), frozenset(doc.texts("versions")), tuple(ranges))


def _severity(doc: Doc, affected: tuple[Doc, ...]) -> tuple[float | None, Severity]:
    """By the highest CVSS 3 score, else by the database's own word."""
    scores = [
        score
        for each in (doc, *affected)
        for item in each.docs("severity")
        if (score := base_score(item.free_text("score"))) is not None
    ]
    if scores:
        return max(scores), severity_of(max(scores))
    words = []
    for each in (doc, *affected):
        for name in ("database_specific", "ecosystem_specific"):
            with contextlib.suppress(InvalidFileError):
                inside = each.doc_or_none(name)
                words.append(severity_named(inside.free_text("severity") if inside else ""))
    return None, max(words, default=Severity.UNKNOWN)


def is_affected(version: str, affected: Affected) -> bool:
    """Whether a version is (osv-schema, "Evaluation")."""
    if version in affected.versions or version.removeprefix("v") in affected.versions:
        return True
    return any(_in_range(version, events, affected.ecosystem) for events in affected.ranges)


def _in_range(version: str, events: tuple[Event, ...], ecosystem: str) -> bool:
    order = order_of(ecosystem)
    mine = order(version) if order else None
    if order is None or mine is None:
        return False
    limits = [event for event in events if event.kind == "limit" and event.version != "*"]
    if limits and not any((key := order(limit.version)) is not None and mine < key for limit in limits):
        return False
    # "0" is before all versions.
    keyed = [(event, None if event.version == "0" else order(event.version)) for event in events]
    known = [(event, key) for event, key in keyed if event.version == "0" or key is not None]
    known.sort(key=lambda pair: (pair[1] is not None, pair[1]) if pair[1] is not None else (False,))
    is_in = False
    for event, key in known:
        at_or_after = key is None or not mine < key
        if event.kind == "introduced" and at_or_after:
            is_in = True
        elif (event.kind == "fixed" and at_or_after) or (event.kind == "last_affected" and (key is None or key < mine)):
            is_in = False
    return is_in


def _fixed(version: str, affected: Affected) -> str | None:
    """The first version after this one that brings the mending."""
    order = order_of(affected.ecosystem)
    mine = order(version) if order else None
    if order is None or mine is None:
        return None
    fixed = (event.version for events in affected.ranges for event in events if event.kind == "fixed")
    later = [(key, text) for text in fixed if (key := order(text)) is not None and mine < key]
    return min(later, key=lambda pair: pair[0])[1] if later else None


def _same(ecosystem: str, affected: str) -> bool:
    """A record without a release is about all of them."""
    return ecosystem == affected or ecosystem.partition(":")[0] == affected


def is_known(component: Component) -> bool:
    """Whether a component has a name and a version by which databases know it."""
    return bool(component.ecosystem and component.source[1])


def findings(components: Iterable[Component], records: Iterable[Vulnerability]) -> tuple[Finding, ...]:
    """What is affected by which record: the worst first, then by name. Records of one thing are told once."""
    by_name: dict[str, list[Component]] = {}
    for component in components:
        if is_known(component):
            by_name.setdefault(component.source[0], []).append(component)
    found = {(item.component, item.vulnerability.id): item for record in records for item in _of(record, by_name)}
    kept = _without_aliases(sorted(found.values(), key=_order))
    return tuple(kept)


def _of(record: Vulnerability, by_name: dict[str, list[Component]]) -> Iterator[Finding]:
    for affected in record.affected:
        for component in by_name.get(affected.name, ()):
            version = component.source[1]
            if _same(component.ecosystem, affected.ecosystem) and is_affected(version, affected):
                yield Finding(component, record, _fixed(version, affected))


def _order(finding: Finding) -> tuple[object, ...]:
    component, record = finding.component, finding.vulnerability
    return (
        -record.severity, -(record.score or 0), component.name, component.version or "",
        component.part_of or component.path or "", record.id,
    )  # fmt: skip


def _without_aliases(found: list[Finding]) -> Iterator[Finding]:
    """One finding for each vulnerability of a component: what another record calls by one of its names is the same."""
    told: dict[Component, set[str]] = {}
    for finding in found:
        names = {finding.vulnerability.id, *finding.vulnerability.aliases}
        known = told.setdefault(finding.component, set())
        if names.isdisjoint(known):
            yield finding
        known |= names
