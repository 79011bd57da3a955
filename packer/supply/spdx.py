"""An inventory as SPDX 2.3 in JSON (spdx.github.io/spdx-spec/v2.3). The same image and time give the same bytes. Pure."""

from __future__ import annotations

import re
from hashlib import sha1
from typing import TYPE_CHECKING

from whit.packer.supply.components import Sort
from whit.packer.support.imagepath import shown

if TYPE_CHECKING:
    from whit.packer.supply.components import Component, File, Inventory

MEDIA_TYPE = "application/spdx+json"
DOCUMENT, IMAGE = "SPDXRef-DOCUMENT", "SPDXRef-Image"
_PURPOSES = {Sort.PROGRAM: "APPLICATION", Sort.LIBRARY: "LIBRARY", Sort.PACKAGE: "INSTALL"}


def spdx(inventory: Inventory, created: str, tool: str) -> dict[str, object]:
    """The document; ``created`` is RFC 3339 in UTC, ``tool`` is ``NAME-VERSION``."""
    subject = inventory.subject
    components = tuple(zip(identifiers(inventory.components), inventory.components, strict=True))
    files = tuple((f"SPDXRef-File-{number}", file) for number, file in enumerate(inventory.files))
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": f"{subject.name}@{subject.digest}",
        "documentNamespace": f"https://spdx.org/spdxdocs/{subject.name}-{subject.hex}",
        "creationInfo": {"created": created, "creators": [f"Tool: {tool}"]},
        "packages": [_image(inventory), *(_package(name, component) for name, component in components)],
        "files": [_file(name, file) for name, file in files],
        "relationships": _relationships(components, files),
    }


def identifiers(components: tuple[Component, ...]) -> tuple[str, ...]:
    """A name for each, of letters, digits, ``.`` and ``-`` alone, and its own by its number."""
    return tuple(
        f"SPDXRef-{component.sort.capitalize()}-{number}-{re.sub(r'[^A-Za-z0-9.-]+', '-', component.name)[:60]}"
        for number, component in enumerate(components)
    )


def _image(inventory: Inventory) -> dict[str, object]:
    subject = inventory.subject
    code = sha1("".join(sorted(file.sha1 for file in inventory.files)).encode(), usedforsecurity=False).hexdigest()
    return {
        "SPDXID": IMAGE,
        "name": subject.name,
        "versionInfo": subject.digest,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": bool(inventory.files),
        "primaryPackagePurpose": "CONTAINER",
        "checksums": [{"algorithm": "SHA256", "checksumValue": subject.hex}],
        "externalRefs": [_reference(subject.purl)],
        **({"packageVerificationCode": {"packageVerificationCodeValue": code}} if inventory.files else {}),
    }


def _package(name: str, component: Component) -> dict[str, object]:
    document: dict[str, object] = {
        "SPDXID": name,
        "name": component.name,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "primaryPackagePurpose": _PURPOSES[component.sort],
        "externalRefs": [_reference(component.purl)],
    }
    if component.version:
        document["versionInfo"] = component.version
    if component.path:
        document["packageFileName"] = shown(component.path)
    if component.language:
        document["comment"] = f"written in {component.language}"
    return document


def _reference(purl: str) -> dict[str, str]:
    return {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}


def _file(name: str, file: File) -> dict[str, object]:
    return {
        "SPDXID": name,
        "fileName": f".{shown(file.path)}",
        "fileTypes": ["BINARY"] if file.executable else ["OTHER"],
        "checksums": [
            {"algorithm": "SHA1", "checksumValue": file.sha1},
            {"algorithm": "SHA256", "checksumValue": file.sha256},
        ],
    }


def _relationships(
    components: tuple[tuple[str, Component], ...], files: tuple[tuple[str, File], ...]
) -> list[dict[str, str]]:
    """The document describes the image, the image contains programs, packages and files, programs contain libraries."""
    programs = {component.path: name for name, component in components if component.path}
    found = [(DOCUMENT, "DESCRIBES", IMAGE)]
    found += [(programs.get(part.part_of or "", IMAGE), "CONTAINS", name) for name, part in components]
    found += [(IMAGE, "CONTAINS", name) for name, _ in files]
    return [{"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other} for one, kind, other in found]
