"""An inventory as CycloneDX 1.6 in JSON (ECMA-424). The same image and time give the same bytes. Pure."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from whit.packer.supply.components import Sort
from whit.packer.support.imagepath import shown

if TYPE_CHECKING:
    from whit.packer.supply.components import Component, File, Inventory

MEDIA_TYPE = "application/vnd.cyclonedx+json"
_KINDS = {Sort.PROGRAM: "application", Sort.LIBRARY: "library", Sort.PACKAGE: "library"}


def cyclonedx(inventory: Inventory, created: str, tool: str) -> dict[str, object]:
    """The document; ``created`` is RFC 3339 in UTC, ``tool`` is ``NAME-VERSION``."""
    subject = inventory.subject
    name, _, version = tool.rpartition("-")
    components = tuple((f"component-{number}", part) for number, part in enumerate(inventory.components))
    files = tuple((f"file-{number}", file) for number, file in enumerate(inventory.files))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{subject.purl} {created}')}",
        "version": 1,
        "metadata": {
            "timestamp": created,
            "tools": {"components": [{"type": "application", "name": name, "version": version}]},
            "component": {
                "type": "container",
                "bom-ref": "image",
                "name": subject.name,
                "version": subject.digest,
                "purl": subject.purl,
                "hashes": [{"alg": "SHA-256", "content": subject.hex}],
            },
        },
        "components": [
            *(_component(ref, part) for ref, part in components),
            *(_file(ref, file) for ref, file in files),
        ],
        "dependencies": _dependencies(components, files),
    }


def _component(ref: str, component: Component) -> dict[str, object]:
    document: dict[str, object] = {"type": _KINDS[component.sort], "bom-ref": ref, "name": component.name}
    if component.version:
        document["version"] = component.version
    document["purl"] = component.purl
    told = {"whit:path": component.path or component.part_of, "whit:language": component.language}
    properties = [{"name": name, "value": shown(value)} for name, value in told.items() if value]
    if properties:
        document["properties"] = properties
    return document


def _file(ref: str, file: File) -> dict[str, object]:
    return {
        "type": "file",
        "bom-ref": ref,
        "name": shown(file.path),
        "hashes": [{"alg": "SHA-1", "content": file.sha1}, {"alg": "SHA-256", "content": file.sha256}],
    }


def _dependencies(
    components: tuple[tuple[str, Component], ...], files: tuple[tuple[str, File], ...]
) -> list[dict[str, object]]:
    """The image depends on its programs, packages and files, a program on what is linked into it."""
    programs = {component.path: ref for ref, component in components if component.path}
    below: dict[str, list[str]] = {"image": [], **{ref: [] for ref, _ in components}, **{ref: [] for ref, _ in files}}
    for ref, component in components:
        below[programs.get(component.part_of or "", "image")].append(ref)
    below["image"] += [ref for ref, _ in files]
    return [{"ref": ref, "dependsOn": inside} if inside else {"ref": ref} for ref, inside in below.items()]
