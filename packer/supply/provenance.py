"""How an image came to be: an in-toto statement (in-toto Attestation Framework 1) with SLSA provenance (slsa.dev/provenance/v1). Pure.

Nothing in it is of one moment or one machine: the same files and options give the same bytes. Places on the host aren't told.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from whit.packer.support.imagepath import shown
from whit.packer.support.jsondoc import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.image.oci import Manifest
    from whit.packer.image.spec import PackOptions
    from whit.packer.resolution.choices import Choices
    from whit.packer.supply.components import Inventory

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILDER = "https://whit.dev/builder"
PACK, BUILD, DOCKERFILE, SOURCE = (
    f"https://whit.dev/build-types/{name}/v1" for name in ("pack", "build", "dockerfile", "source")
)
_BASE_NAME, _BASE_DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"
_OWN = "dev.whit."


@dataclass(frozen=True, slots=True)
class Origin:
    """What a person asked for: one of the kinds of build above, and its parameters."""

    build_type: str
    parameters: Mapping[str, object]


def provenance(inventory: Inventory, manifest: Manifest, origin: Origin, version: str) -> bytes:
    """The statement about one image; ``version`` is whit's."""
    annotations = dict(manifest.annotations)
    told = {key: value for key, value in annotations.items() if key.startswith(_OWN)}
    subject = inventory.subject
    return canonical_json(
        {
            "_type": STATEMENT,
            "subject": [{"name": subject.name, "digest": {"sha256": subject.hex}}],
            "predicateType": PREDICATE,
            "predicate": {
                "buildDefinition": {
                    "buildType": origin.build_type,
                    "externalParameters": dict(origin.parameters),
                    "internalParameters": {"platform": str(subject.platform), "annotations": told},
                    "resolvedDependencies": [*_base(annotations), *_files(inventory)],
                },
                "runDetails": {"builder": {"id": BUILDER, "version": {"whit": version}}},
            },
        }
    )


def _base(annotations: dict[str, str]) -> list[dict[str, object]]:
    """The image below, where there is one."""
    digest = annotations.get(_BASE_DIGEST, "")
    if not digest.startswith("sha256:"):
        return []
    return [{"name": annotations.get(_BASE_NAME, ""), "digest": {"sha256": digest.partition(":")[2]}}]


def _files(inventory: Inventory) -> list[dict[str, object]]:
    """Every file, by its path in the image."""
    return [{"name": shown(file.path), "digest": {"sha256": file.sha256}} for file in inventory.files]


def pack_origin(name: str, options: PackOptions, choices: Choices, base: str | None) -> Origin:
    """Of ``whit pack``: the options that were given, and of what was added where it is in the image."""
    given = {key: value for key, value in asdict(options).items() if value not in (None, (), 0)}
    parameters: dict[str, object] = {
        "program": shown(name),
        "options": {**given, "compression": str(options.compression)},
    }
    if choices.additions:
        parameters["added"] = [shown(addition.target) for addition in choices.additions]
    if choices.needs:
        parameters["needs"] = dict(choices.needs)
    parameters["sources"] = str(choices.sources)
    if base:
        parameters["base"] = base
    return Origin(PACK, parameters)


def build_origin(build_type: str, file: bytes, variables: Mapping[str, str], **more: object) -> Origin:
    """Of ``whit build``: the build file's own digest, the names of its variables that were given, and what else was chosen.

    Values aren't told: they hold whatever a person has put there.
    """
    from hashlib import sha256  # noqa: PLC0415 - only here

    known = {key: value for key, value in more.items() if value}
    return Origin(
        build_type,
        {"file": {"digest": {"sha256": sha256(file).hexdigest()}}, "variables": sorted(variables), **known},
    )
