"""``up`` as a whole: images, what is there, the steps, and what is waited for."""

from __future__ import annotations

import os
import time

from whit.packer.showing.console import warn
from whit.packer.support.errors import NotFoundError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.compose.graph.model import Wanted, removed_by
from whit.runtime.compose.graph.upward import Choice, orphans, plan_up
from whit.runtime.compose.keys import check_keys
from whit.runtime.compose.networking import check_scale
from whit.runtime.compose.project import Condition, config_hash
from whit.runtime.compose.running.acting import Acting, Ending, Making, wait_for
from whit.runtime.compose.running.contents import read_contents
from whit.runtime.compose.running.images import Obtaining, obtain_images
from whit.runtime.compose.running.seeing import look
from whit.runtime.compose.running.telling import failing_with_one, run_steps
from whit.runtime.compose.values import check_values

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.store.store import Store
    from whit.runtime.compose.commands.chosen import Chosen
    from whit.runtime.compose.graph.model import Seen
    from whit.runtime.compose.project import Project
    from whit.runtime.compose.running.images import Build
    from whit.runtime.compose.running.loading import Loaded
    from whit.runtime.compose.running.seeing import View


_YES = ("1", "t", "true")


@dataclass(frozen=True, slots=True)
class UpWishes:
    """What ``up``, ``create`` and ``scale`` are asked for: what is to be up, and how its images and containers are had."""

    choice: Choice = Choice()
    pull: str = ""
    builds: bool = False
    never_builds: bool = False
    quiet_builds: bool = False
    seconds: int | None = None
    renews_volumes: bool = False


def bring_up(loaded: Loaded, store: Store, folder: Path, wishes: UpWishes, chosen: Chosen, build: Build) -> Acting:
    """Make and start what isn't there yet, while the project is locked. Raises :class:`WhitError` when all else is done: 1 is its exit code."""
    with failing_with_one():
        return _bring_up(loaded, store, folder, wishes, chosen, build)


def _bring_up(loaded: Loaded, store: Store, folder: Path, wishes: UpWishes, chosen: Chosen, build: Build) -> Acting:
    project = loaded.project
    for name, _ in wishes.choice.scales:
        project.service(name)
    names = project.chosen(wishes.choice.services, alone=wishes.choice.alone)
    if not names:
        hint = (
            f"profiles switch {', '.join(sorted(project.disabled))} on"
            if project.disabled
            else "services: {NAME: {image: …}}"
        )
        raise NotFoundError("the file has no service that is switched on", hint=hint)
    for note in check_keys(project, names, loaded.where):
        warn(note)
    check_values(project, names, loaded.where)
    choice = replace(wishes.choice, services=names)
    for name in names:
        check_scale(project.services[name], choice.count(project.services[name]))
    contents = read_contents(project, names, folder, loaded.contents)
    how = Obtaining(
        store,
        build,
        folder,
        loaded.where,
        wishes.pull,
        wishes.builds,
        wishes.never_builds,
        chosen.dry,
        wishes.quiet_builds,
    )
    digests = obtain_images(project, names, how)
    hashes = {name: config_hash(project, project.services[name], contents.digests) for name in names}
    view = look(store.root, project.name)
    _check_external(project, names, view)
    tell_orphans(project, view, choice)
    wanted = {name: Wanted(hashes[name], digests[name]) for name in names}
    steps = plan_up(project, view.present, wanted, choice)
    making = Making(project, loaded.where, contents, hashes, wishes.renews_volumes)
    acting = Acting(store, making, Ending(wishes.seconds, removed=removed_by(steps)))
    run_steps(acting, steps, chosen)
    return acting


def tell_orphans(project: Project, view: View, choice: Choice) -> None:
    """Who isn't in the file any more."""
    left = orphans(project, view.present)
    if left and not choice.orphans and os.environ.get("COMPOSE_IGNORE_ORPHANS", "").lower() not in _YES:
        names = ", ".join(one.name for one in left)
        warn(
            f"there are containers of services that the file doesn't have: {names}",
            hint="--remove-orphans removes them",
        )


def _check_external(project: Project, names: tuple[str, ...], view: View) -> None:
    """Raises :class:`NotFoundError` for what the file says is there already."""
    networks = {key for name in names for key in project.services[name].all_networks()}
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
