"""Package URLs (ECMA-427, package-url/purl-spec): one line that names a package anywhere. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOWER = frozenset(("apk", "deb", "golang", "oci"))
"""Types whose namespace and name are written in lower case."""


def purl(kind: str, name: str, version: str | None = None, qualifiers: Mapping[str, str | None] | None = None) -> str:
    """``pkg:TYPE/NAMESPACE/NAME@VERSION?KEY=VALUE``; slashes in ``name`` part it, qualifiers without a value are left out."""
    parts = [part for part in name.split("/") if part]
    if kind in _LOWER:
        parts = [part.lower() for part in parts]
    text = f"pkg:{kind}/{'/'.join(map(_encoded, parts))}"
    if version:
        text += f"@{_encoded(version)}"
    given = sorted((key, value) for key, value in (qualifiers or {}).items() if value)
    if given:
        text += "?" + "&".join(f"{key}={_value(value)}" for key, value in given)
    return text


def _encoded(text: str) -> str:
    """Percent-encoded but for what the specification leaves as it is."""
    return quote(text.encode("utf-8", "replace"), safe=":")


def _value(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe=":/")
