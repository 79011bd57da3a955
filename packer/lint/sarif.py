"""Findings as SARIF 2.1.0 (OASIS standard, 27 March 2020), which code hosts show beside the code. Pure.

A binary has no lines: a place is a byte offset. A file in an image is named below the image, ``IMAGE/etc/passwd``.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from whit.packer.lint import RULES
from whit.packer.lint.report import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whit.packer.lint.model import Finding, Place, Rule

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def document(name: str, kind: str, findings: Sequence[Finding], version: str) -> dict[str, Any]:
    """One log with one run (3.13, 3.14). ``version`` is whit's; all rules are told, whether they found anything or not."""
    places = {rule.id: number for number, rule in enumerate(RULES)}
    return {
        "$schema": SCHEMA,
        "version": VERSION,
        "runs": [
            {
                "tool": {"driver": {"name": "whit", "version": version, "rules": [_rule(rule) for rule in RULES]}},
                "artifacts": [{"location": {"uri": _uri(name)}, "roles": ["analysisTarget"]}],
                "results": [_result(name, kind, finding, places[finding.id]) for finding in findings],
                "columnKind": "utf16CodeUnits",
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    """A reporting descriptor (3.49)."""
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.split("-")),
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.cure} See {rule.source}"},
        "helpUri": rule.source,
        "defaultConfiguration": {"level": rule.level},
    }


def _result(name: str, kind: str, finding: Finding, rule_index: int) -> dict[str, Any]:
    """A result (3.27); its fingerprint holds no offset, so that it stays the same from build to build."""
    path = finding.where.path
    identity = "\0".join((finding.id, path or "", finding.what))
    return {
        "ruleId": finding.id,
        "ruleIndex": rule_index,
        "level": finding.level,
        "message": {"text": f"{finding.title}: {text(finding.what)}. {finding.cure}"},
        "locations": [_location(name, kind, finding.where)],
        "partialFingerprints": {"whit/1": sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()},
    }


def _location(name: str, kind: str, place: Place) -> dict[str, Any]:
    """A location (3.28): the file, or the image for its configuration; in it a byte, where one is known."""
    inside = kind == "image" and place.path is not None
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(f"{name}{place.path}" if inside else name)}}
    if place.offset is not None:
        physical["region"] = {"byteOffset": place.offset, "byteLength": 1}
    location: dict[str, Any] = {"physicalLocation": physical}
    if place.layer:
        location["message"] = {"text": f"layer {place.layer}"}
    return location


def _uri(path: str) -> str:
    """A relative reference, or a file URI for an absolute path (RFC 3986, RFC 8089)."""
    quoted = quote(path.encode("utf-8", "surrogateescape"), safe="/")
    return f"file://{quoted}" if path.startswith("/") else quoted
