"""Several executables in one image: each is analysed, and what they need together stands beside them once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whit.packer.executable.file import open_executable
from whit.packer.executable.linkage import refuse_missing
from whit.packer.image.spec import program_layer
from whit.packer.needs import WANTED
from whit.packer.needs.model import Verdict
from whit.packer.resolution.resolve import resolve_executable
from whit.packer.support.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.executable.file import Executable
    from whit.packer.image.platform import Platform
    from whit.packer.image.spec import Entry, LayerSpec, PackOptions
    from whit.packer.needs.model import Need
    from whit.packer.resolution.choices import Choices
    from whit.packer.resolution.model import NeededFile, Resolution

_STRENGTH = {Verdict.NEEDED: 2, Verdict.MAYBE: 1, Verdict.NOT: 0}


@dataclass(frozen=True, slots=True)
class Further:
    """One more program of an image, and the layer that holds it."""

    executable: Executable
    options: PackOptions
    layer: LayerSpec


def further(others: tuple[tuple[str, str | None], ...], options: PackOptions) -> tuple[Further, ...]:
    """Open and analyse further programs; each has a path on this machine and one in the image (None: ``/NAME``)."""
    found = []
    for path, target in others:
        executable = open_executable(path, WANTED)
        own = replace(options, path_in_image=target)
        found.append(Further(executable, own, program_layer(executable.name, executable.file, own)))
    return tuple(found)


def refuse_others(wanted: Platform | None, first: Executable, others: Iterable[Further]) -> None:
    """Raise UsageError where a program is for another platform than the image."""
    for executable in (first, *(other.executable for other in others)):
        platform = executable.analysis.platform
        expected = wanted or first.analysis.platform
        if not platform.is_for(expected):
            raise UsageError(
                f"{executable.path} is for {platform}, and the image for {expected}",
                hint="give each platform its own executable, as in dist/${TARGETARCH}/server",
            )


def resolved(
    first: Executable,
    others: tuple[Further, ...],
    choices: Choices,
    options: PackOptions,
    added: tuple[Entry, ...],
) -> Resolution:
    """What the programs need together. Raises as :func:`resolve_executable`, and for what is missing."""
    resolutions = [resolve_executable(first, choices, options, added)]
    refuse_missing(first.name, resolutions[0])
    for other in others:
        resolutions.append(resolve_executable(other.executable, choices, other.options, added))
        refuse_missing(other.executable.name, resolutions[-1])
    return united(resolutions)


def united(resolutions: list[Resolution]) -> Resolution:
    """Several programs' resolutions as one: a need as strong as whoever needs it most, each file once. Pure."""
    first = resolutions[0]
    if len(resolutions) == 1:
        return first
    needs: dict[str, Need] = {}
    files: dict[str, NeededFile] = {}
    for resolution in resolutions:
        for need in resolution.needs:
            known = needs.get(need.name)
            if known is None or _STRENGTH[need.verdict] > _STRENGTH[known.verdict]:
                needs[need.name] = need
        for file in resolution.files:
            known_file = files.setdefault(file.path, file)
            reasons = tuple(dict.fromkeys((*known_file.reasons, *file.reasons)))
            files[file.path] = replace(known_file, reasons=reasons)
    return replace(
        first,
        needs=tuple(needs.values()),
        files=tuple(files[path] for path in sorted(files)),
        advice=tuple(dict.fromkeys(advice for each in resolutions for advice in each.advice)),
        sources=tuple(dict.fromkeys(source for each in resolutions for source in each.sources)),
        libraries=tuple(dict.fromkeys(library for each in resolutions for library in each.libraries)),
        watched=tuple(dict.fromkeys(place for each in resolutions for place in each.watched)),
    )
