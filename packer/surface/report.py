"""An attack surface as JSON, in the names that docs/report.md promises to programs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whit.packer.surface.model import Compared, Part, Surface

SCHEMA = "whit-surface/1"
"""The form's name and version: members are only added within a version, never renamed, removed or changed in type."""


def document(compared: Compared) -> dict[str, Any]:
    """One JSON object; docs/surface.schema.json is its JSON Schema."""
    subject = compared.subject
    return {
        "schema": SCHEMA,
        "name": text(subject.name),
        "architecture": subject.architecture,
        "user": text(subject.user),
        "files": len(subject.files),
        "own_calls": None if subject.calls is None else sorted(subject.calls),
        "own_calls_unknown": subject.why or None,
        "surfaces": [_surface(surface) for surface in compared.surfaces],
    }


def _surface(surface: Surface) -> dict[str, Any]:
    return {"name": surface.name, "figure": surface.figure, "parts": [_part(part) for part in surface.parts]}


def _part(part: Part) -> dict[str, Any]:
    return {
        "part": part.id,
        "title": part.title,
        "count": part.count,
        "points": part.points,
        "names": [text(name) for name in part.names],
        "note": part.note or None,
    }


def text(value: str) -> str:
    """JSON holds Unicode: bytes that aren't become escapes."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
