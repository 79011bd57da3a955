"""``whit syscalls`` for programs: the JSON document that docs/syscalls.md promises. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whit.packer.syscalls.found import ASSUMPTIONS
from whit.packer.syscalls.names import syscall_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.syscalls.found import Findings, Place

SCHEMA = "whit-syscalls/1"
"""The form's name and version: members are only added within a version, never renamed, removed or changed in type."""


def document(name: str, findings: Findings) -> dict[str, Any]:
    """One JSON object; docs/syscalls.schema.json is its JSON Schema."""
    names = syscall_names(findings.architecture)
    return {
        "schema": SCHEMA,
        "name": _text(name),
        "architecture": findings.architecture,
        "complete": findings.complete,
        "code_bytes": findings.code_bytes,
        "syscalls": [
            {"name": names[number], "number": number, "sites": _sites(findings, number)}
            for number in sorted(findings.numbers)
            if number in names
        ],
        "unknown": [
            {**_place(lack.site), "reason": lack.reason, "way": _places(lack.places)} for lack in findings.unknown
        ],
        "foreign": _places(findings.foreign),
        "assumptions": list(ASSUMPTIONS),
    }


def _sites(findings: Findings, number: int) -> list[dict[str, Any]]:
    return [
        {**_place(entry.place), "way": _places(way.places)}
        for entry in findings.entries
        for way in entry.ways
        if way.number == number
    ]


def _places(places: Iterable[Place]) -> list[dict[str, Any]]:
    return [_place(place) for place in places]


def _place(place: Place) -> dict[str, Any]:
    return {"address": f"{place.address:#x}", "function": _text(place.function) or None}


def _text(value: str) -> str:
    """JSON holds Unicode: bytes that aren't become escapes."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
