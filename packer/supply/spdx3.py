"""An inventory as SPDX 3.0 in JSON-LD (spdx.github.io/spdx-spec/v3.0.1). The same image and time give the same bytes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.supply.components import Sort
from whit.packer.supply.spdx import identifiers
from whit.packer.support.imagepath import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.supply.components import Component, File, Inventory

MEDIA_TYPE = "application/spdx+json"
CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
_INFO = "_:creation"
_PURPOSES = {Sort.PROGRAM: "application", Sort.LIBRARY: "library", Sort.PACKAGE: "install"}


def spdx3(inventory: Inventory, created: str, tool: str) -> dict[str, object]:
    """The document; ``created`` is RFC 3339 in UTC, ``tool`` is ``NAME-VERSION``."""
    return {"@context": CONTEXT, "@graph": list(_Graph(inventory).elements(created, tool))}


class _Graph:
    """The elements of one image; each has an address below the document's."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        subject = inventory.subject
        self._base = f"https://spdx.org/spdxdocs/{subject.name}-{subject.hex}"
        self._image = f"{self._base}#image"
        self._agent = f"{self._base}#whit"

    def _element(self, kind: str, part: str, /, **members: object) -> dict[str, object]:
        return {"type": kind, "spdxId": f"{self._base}#{part}", "creationInfo": _INFO, **members}

    def elements(self, created: str, tool: str) -> Iterator[dict[str, object]]:
        """All of them, the document's own first."""
        yield {
            "type": "CreationInfo", "@id": _INFO, "specVersion": "3.0.1", "created": created, "createdBy": [self._agent],
        }  # fmt: skip
        yield self._element("SoftwareAgent", "whit", name=tool)
        components = tuple(zip(identifiers(self._inventory.components), self._inventory.components, strict=True))
        files = tuple((f"File-{number}", file) for number, file in enumerate(self._inventory.files))
        described = [
            self._image_element(),
            *(self._package(name, component) for name, component in components),
            *(self._file(name, file) for name, file in files),
            *self._relationships(components, files),
        ]
        names = [element["spdxId"] for element in described]
        title = f"{self._inventory.subject.name}@{self._inventory.subject.digest}"
        yield self._element(
            "SpdxDocument", "document", name=title, rootElement=[f"{self._base}#sbom"], element=[*names, self._agent],
            profileConformance=["core", "software"],
        )  # fmt: skip
        yield self._element(
            "software_Sbom", "sbom", rootElement=[self._image], element=names, software_sbomType=["analyzed"]
        )
        yield from described

    def _image_element(self) -> dict[str, object]:
        subject = self._inventory.subject
        return self._element(
            "software_Package", "image", name=subject.name, software_packageVersion=subject.digest,
            software_primaryPurpose="container", software_packageUrl=subject.purl, verifiedUsing=[_hash(subject.hex)],
        )  # fmt: skip

    def _package(self, name: str, component: Component) -> dict[str, object]:
        known: dict[str, object] = {
            "name": component.name,
            "software_primaryPurpose": _PURPOSES[component.sort],
            "software_packageUrl": component.purl,
        }
        if component.version:
            known["software_packageVersion"] = component.version
        if component.language:
            known["comment"] = f"written in {component.language}"
        return self._element("software_Package", name, **known)

    def _file(self, name: str, file: File) -> dict[str, object]:
        return self._element("software_File", name, name=shown(file.path), verifiedUsing=[_hash(file.sha256)])

    def _relationships(
        self, components: tuple[tuple[str, Component], ...], files: tuple[tuple[str, File], ...]
    ) -> Iterator[dict[str, object]]:
        """One for each that contains something, with all that it contains."""
        programs = {component.path: name for name, component in components if component.path}
        contained: dict[str, list[str]] = {}
        for name, component in components:
            contained.setdefault(programs.get(component.part_of or "", "image"), []).append(name)
        for name, file in files:
            contained.setdefault("image", []).append(name)
            if file.path in programs:
                contained.setdefault(programs[file.path], []).append(name)
        for number, (name, inside) in enumerate(contained.items()):
            yield self._element(
                "Relationship", f"relationship-{number}", **{"from": f"{self._base}#{name}"},
                to=[f"{self._base}#{part}" for part in inside], relationshipType="contains", completeness="noAssertion",
            )  # fmt: skip


def _hash(digits: str) -> dict[str, str]:
    return {"type": "Hash", "algorithm": "sha256", "hashValue": digits}
