"""What an image's manifest says of it: OCI's predefined keys, and whit's own. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.times import rfc3339
from whit.packer.wasm.claim import VARIANT, variant

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis
    from whit.packer.image.spec import PackOptions
    from whit.packer.resolution.model import Resolution

ANNOTATION_PREFIX = "dev.whit."
"""whit's own annotations: ``needs`` (verdict by need), ``sources`` (where files came from), ``language``,
``asked`` (needs that a person decided on) and ``added`` (files that a person added)."""


def image_annotations(
    name: str,
    analysis: Analysis,
    resolution: Resolution,
    options: PackOptions,
    added: tuple[str, ...],
    word: str,
) -> tuple[tuple[str, str], ...]:
    """OCI image-spec's predefined keys, then whit's; what was asked for wins.

    ``added`` are paths in the image, ``word`` the first one of its command.
    """
    build, language = analysis.build, analysis.language
    needs = ",".join(f"{need.name}={need.verdict}" for need in resolution.needs if need.verdict != "not")
    found = {
        "org.opencontainers.image.title": name,
        "org.opencontainers.image.version": build.module_version if build.module_version != "(devel)" else None,
        "org.opencontainers.image.revision": build.setting("vcs.revision"),
        "org.opencontainers.image.created": rfc3339(options.created) if options.created else None,
        f"{ANNOTATION_PREFIX}language": " ".join(filter(None, (language.name, language.version))),
        f"{ANNOTATION_PREFIX}needs": needs,
        f"{ANNOTATION_PREFIX}sources": ",".join(f"{need}={origin}" for need, origin in resolution.sources),
        f"{ANNOTATION_PREFIX}asked": ",".join(
            f"{'-' if need.verdict == 'not' else '+'}{need.name}" for need in resolution.needs if need.grade == "asked"
        ),
        f"{ANNOTATION_PREFIX}added": ",".join(added),
        VARIANT: variant(word) if analysis.platform.is_wasm and not options.as_artifact else None,
        **dict(options.annotations),
    }
    return tuple(sorted((key, value) for key, value in found.items() if value))
