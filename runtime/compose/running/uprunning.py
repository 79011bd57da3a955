"""``up`` as a whole: images, what is there, the steps, and what is waited for."""

from __future__ import annotations

import time

from whit.packer.showing.console import warn
from whit.packer.support.errors import NotFoundError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.graph.model import Wanted, removed_by
from whit.runtime.compose.graph.upward import Choice, Recreate, orphans, plan_up
from whit.runtime.compose.keys import check_keys
from whit.runtime.compose.networking import check_scale
from whit.runtime.compose.project import Condition, config_hash
from whit.runtime.compose.running.acting import Acting, Ending, Making, wait_for
from whit.runtime.compose.running.contents import read_contents
from whit.runtime.compose.running.images import Obtaining, obtain_images
from whit.runtime.compose.running.seeing import look
from whit.runtime.compose.running.telling import run_steps

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.store.store import Store
    from whit.runtime.compose.commands.chosen import Chosen
    from whit.runtime.compose.graph.model import Seen
    from whit.runtime.compose.project import Project
    from whit.runtime.compose.running.images import Build
    from whit.runtime.compose.running.loading import Loaded
    from whit.runtime.compose.running.seeing import View


@dataclass(frozen=True, slots=True)
class UpWishes:
    """What ``up``, ``create`` and ``scale`` are asked for."""

    services: tuple[str, ...] = ()
    scales: tuple[tuple[str, int], ...] = ()
    recreate: Recreate = Recreate.CHANGED
    recreate_needed: bool = False
    alone: bool = False
    starts: bool = True
    orphans: bool = False
    rolling: bool = False
    pull: str = ""
    builds: bool = False
    never_builds: bool = False
    seconds: int | None = None
    renews_volumes: bool = False
    by_name: bool = True
    """Whether it was a person who named the services: what has done its one thing does it again then."""


def bring_up(loaded: Loaded, store: Store, folder: Path, wishes: UpWishes, chosen: Chosen, build: Build) -> Acting:
    """Make and start what isn't there yet, while the project is locked. Raises :class:`WhitError` when all else is done."""
    project = loaded.project
    names = project.chosen(wishes.services, alone=wishes.alone)
    for note in check_keys(project, names, loaded.where):
        warn(note)
    choice = _choice(project, names, wishes)
    for name in names:
        check_scale(project.services[name], choice.count(project.services[name]))
    contents = read_contents(project, names, folder, loaded.contents)
    how = Obtaining(store, build, folder, loaded.where, wishes.pull, wishes.builds, wishes.never_builds, chosen.dry)
    digests = obtain_images(project, names, how)
    hashes = {name: config_hash(project, project.services[name], contents.digests) for name in names}
    view = look(store.root, project.name)
    _check_external(project, names, view)
    tell_orphans(project, view, wishes)
    wanted = {name: Wanted(hashes[name], digests[name]) for name in names}
    steps = plan_up(project, view.present, wanted, choice)
    making = Making(project, loaded.where, contents, hashes, wishes.renews_volumes)
    acting = Acting(store, making, Ending(wishes.seconds, removed=removed_by(steps)))
    run_steps(acting, steps, chosen)
    return acting


def _choice(project: Project, names: tuple[str, ...], wishes: UpWishes) -> Choice:
    for name, _ in wishes.scales:
        project.service(name)
    return Choice(
        names, wishes.services if wishes.by_name else (), wishes.scales, wishes.recreate, wishes.recreate_needed, wishes.alone, wishes.starts,
        wishes.orphans, wishes.rolling,
    )  # fmt: skip


def tell_orphans(project: Project, view: View, wishes: UpWishes) -> None:
    """Who isn't in the file any more."""
    left = orphans(project, view.present)
    if left and not wishes.orphans:
        names = ", ".join(one.name for one in left)
        warn(
            f"there are containers of services that the file doesn't have: {names}",
            hint="--remove-orphans removes them",
        )


def _check_external(project: Project, names: tuple[str, ...], view: View) -> None:
    """Raises :class:`NotFoundError` for what the file says is there already."""
    networks = {key for name in names for key in project.services[name].networks}
    volumes = {key for name in names for key in project.services[name].volumes()}
    known = {name for name, _ in view.present.networks} | {"bridge", "host", "none"}
    for key in sorted(networks & set(project.networks)):
        name = project.network_name(key)
        if (project.networks[key] or {}).get("external") and name not in known:
            raise NotFoundError(f"network {name} is external, and isn't there", hint=f"whit network create {name}")
    for key in sorted(volumes & set(project.volumes)):
        name = project.volume_name(key)
        if (project.volumes[key] or {}).get("external") and name not in view.present.volumes:
            raise NotFoundError(f"volume {name} is external, and isn't there", hint=f"whit volume create {name}")


def wait_until_well(project: Project, acting: Acting, seen: tuple[Seen, ...], seconds: float | None) -> None:
    """``up --wait``: until all run, are healthy where anything tells that, or are done where others wait for their end."""
    until = None if seconds is None else time.monotonic() + seconds
    for one in seen:
        kept = acting.containers.find(one.id)
        ends = any(way.condition is Condition.COMPLETED for _, way in project.dependents(one.service))
        usual = Condition.HEALTHY if kept.container.probe else Condition.STARTED
        wait_for(kept, Condition.COMPLETED if ends else usual, acting.left, until)
