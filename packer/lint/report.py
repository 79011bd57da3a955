"""``whit lint`` for programs: the JSON document that docs/lint.md promises. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whit.packer.lint import count
from whit.packer.lint.model import ORDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whit.packer.lint.model import Finding, Place

SCHEMA = "whit-lint/1"
"""The form's name and version: members are only added within a version, never renamed, removed or changed in type."""


def document(
    name: str, kind: str, findings: Sequence[Finding], *, failed: bool, fixed: dict[str, Any] | None = None
) -> dict[str, Any]:
    """One JSON object; docs/lint.schema.json is its JSON Schema. ``kind`` is file or image."""
    return {
        "schema": SCHEMA,
        "name": text(name),
        "kind": kind,
        "failed": failed,
        "counts": {str(level): count(findings, level) for level in ORDER},
        "findings": [_finding(finding) for finding in findings],
        "fixed": fixed,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "level": finding.level,
        "title": finding.title,
        "what": text(finding.what),
        "why": finding.why,
        "cure": finding.cure,
        "source": finding.source,
        "where": _place(finding.where),
    }


def _place(place: Place) -> dict[str, Any]:
    path = None if place.path is None else text(place.path)
    return {"path": path, "layer": place.layer, "section": place.section, "offset": place.offset}


def text(value: str) -> str:
    """JSON holds Unicode: bytes that aren't (in a file's name, say) become escapes."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
