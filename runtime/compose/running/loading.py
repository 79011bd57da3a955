"""The files that were chosen → a project that can run."""

from __future__ import annotations

from whit.packer.showing.console import warn
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.finding import Wishes
from whit.runtime.compose.finding import load as find
from whit.runtime.compose.project import read_project
from whit.runtime.compose.running.keeping import load_kept

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from whit.runtime.compose.commands.chosen import Chosen
    from whit.runtime.compose.keys import Where
    from whit.runtime.compose.model import Canonical
    from whit.runtime.compose.project import Project
    from whit.runtime.compose.running.keeping import Kept


@dataclass(frozen=True, slots=True)
class Loaded:
    """A project, where each value of it stands, and texts of secrets and configs that variables hold."""

    project: Project
    where: Where
    contents: Mapping[tuple[str, str], str]


def load(chosen: Chosen, services: tuple[str, ...] = (), root: Path | None = None) -> Loaded:
    """The project; services that are named are switched on, whatever their profiles. ``root``: what a store keeps of it counts, too. Raises :class:`WhitError`."""
    canonical: Canonical | Kept = load_kept(chosen, root) if root else find(chosen)
    off = canonical.disabled.keys() & set(services)
    if off:
        canonical = _with(find(chosen), find(chosen, Wishes(services=services)))
    for warning in canonical.warnings:
        warn(warning)

    def where(path: tuple[str | int, ...]) -> str:
        place = canonical.place(*path)
        return f"{place}: " if place else ""

    disabled = frozenset(canonical.disabled) - off
    project = read_project(canonical.configuration, canonical.directory, canonical.files, disabled)
    return Loaded(project, where, canonical.contents)


def _with(canonical: Canonical, named: Canonical) -> Canonical:
    """All that is on, and what was named with all that it needs."""
    from dataclasses import replace  # noqa: PLC0415 - seldom

    parts = ("services", "networks", "volumes", "secrets", "configs")
    merged = {part: {**canonical.configuration.get(part, {}), **named.configuration.get(part, {})} for part in parts}
    return replace(
        canonical,
        configuration={**canonical.configuration, **merged},
        contents={**canonical.contents, **named.contents},
    )
