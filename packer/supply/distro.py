"""What distributions' package managers say is installed: dpkg's status, distroless' status.d, apk's database. Pure.

The files are the image's, so whatever stands in them is no more than text: what can't be read is passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
DPKG_STATUS = "/var/lib/dpkg/status"
DPKG_FOLDER = "/var/lib/dpkg/status.d/"
APK_INSTALLED = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
MAX_DATABASE = 64 << 20
"""Bytes of a package manager's database that are read."""

_MOST = 100_000
_MAX_FIELD = 1000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._@:~-]{0,254}")
_SOURCE = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]*)(?: \(([^()\s]+)\))?")


@dataclass(frozen=True, slots=True)
class Release:
    """Which distribution it is (os-release(5)): ``debian`` ``12``; empty where nothing is said."""

    id: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Installed:
    """A package that is installed. ``source`` is what it was built from, as lists of vulnerabilities name it."""

    kind: str
    name: str
    version: str
    architecture: str
    source: str
    source_version: str


def wanted(path: str) -> bool:
    """Whether a file of an image says something of packages or of the distribution."""
    if path.startswith(DPKG_FOLDER):
        return not path.endswith(".md5sums")
    return path in (*OS_RELEASE, DPKG_STATUS, *APK_INSTALLED)


def release_of(files: Mapping[str, bytes]) -> Release:
    """Of an image's ``os-release``."""
    for path in OS_RELEASE:
        if path in files:
            fields: dict[str, str] = {}
            for line in _text(files[path]).splitlines()[:_MOST]:
                key, equals, value = line.partition("=")
                if equals:
                    fields[key.strip()] = value.strip().strip("\"'")[:_MAX_FIELD]
            return Release(fields.get("ID", ""), fields.get("VERSION_ID", ""))
    return Release()


def installed(files: Mapping[str, bytes]) -> tuple[Installed, ...]:
    """All packages that an image's databases name, sorted; those that were removed again are not among them."""
    found: set[Installed] = set()
    for path, data in files.items():
        if path == DPKG_STATUS or path.startswith(DPKG_FOLDER):
            found.update(filter(None, map(_debian, _stanzas(_text(data), separator=": "))))
        elif path in APK_INSTALLED:
            found.update(filter(None, map(_alpine, _stanzas(_text(data), separator=":"))))
    return tuple(sorted(found, key=lambda package: (package.kind, package.name, package.version, package.architecture)))


def _text(data: bytes) -> str:
    return data[:MAX_DATABASE].decode("utf-8", "replace")


def _stanzas(text: str, separator: str) -> Iterator[dict[str, str]]:
    """Paragraphs of ``Key: value`` lines with empty lines between; a value's further lines (indented) are passed over."""
    count = 0
    fields: dict[str, str] = {}
    for line in (*text.split("\n"), ""):
        if not line.strip():
            if fields:
                yield fields
                count += 1
            fields = {}
            if count >= _MOST:
                return
        elif line[0] not in " \t":
            key, found, value = line.partition(separator)
            if found:
                fields.setdefault(key, value.strip()[:_MAX_FIELD])


def _debian(fields: dict[str, str]) -> Installed | None:
    """A stanza of dpkg's status (deb-control(5)); distroless leaves ``Status`` out."""
    name, version = fields.get("Package", ""), fields.get("Version", "")
    if not _usable(name, version) or not fields.get("Status", "ok installed").endswith("ok installed"):
        return None
    source = _SOURCE.fullmatch(fields.get("Source", ""))
    return Installed(
        "deb",
        name,
        version,
        fields.get("Architecture", ""),
        source[1] if source else name,
        (source[2] if source else None) or version,
    )


def _alpine(fields: dict[str, str]) -> Installed | None:
    """A stanza of apk's installed database (apk-tools, ``P`` name, ``V`` version, ``A`` architecture, ``o`` origin)."""
    name, version = fields.get("P", ""), fields.get("V", "")
    if not _usable(name, version):
        return None
    origin = fields.get("o", "")
    return Installed("apk", name, version, fields.get("A", ""), origin if _NAME.fullmatch(origin) else name, version)


def _usable(name: str, version: str) -> bool:
    return bool(_NAME.fullmatch(name)) and bool(version) and version.isprintable() and " " not in version
