"""``whit compose run``: a container of a service for one command."""

from __future__ import annotations

import os
import sys

from whit.packer.showing.console import say, warn
from whit.packer.support.errors import NotFoundError, UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.compose import labels
from whit.runtime.compose.graph.model import Wanted
from whit.runtime.compose.graph.upward import Choice, plan_up
from whit.runtime.compose.keys import check_keys
from whit.runtime.compose.project import config_hash
from whit.runtime.compose.running.acting import Acting, Making, wait_for
from whit.runtime.compose.running.contents import Contents, read_contents
from whit.runtime.compose.running.images import Obtaining, obtain_images
from whit.runtime.compose.running.uprunning import UpWishes, bring_up
from whit.runtime.compose.values import check_values, telling
from whit.runtime.compose.wishing import Place, wishes_of
from whit.runtime.engine import creating, lifecycle
from whit.runtime.engine.folder import Containers
from whit.runtime.engine.model import Policy, Restart
from whit.runtime.engine.mounting import parse_volume
from whit.runtime.engine.names import check_name
from whit.runtime.engine.networks.ports import parse_port

if TYPE_CHECKING:
    from pathlib import Path

    from whit.runtime.compose.project import Service
    from whit.runtime.compose.running.images import Build
    from whit.runtime.compose.running.session import Session
    from whit.runtime.engine.creating import Wishes
    from whit.runtime.engine.folder import Kept


@dataclass(frozen=True, slots=True)
class Once:
    """What is asked for; ``arguments`` instead of the service's command, where there are any."""

    service: str
    arguments: tuple[str, ...] = ()
    detach: bool = False
    env: tuple[str, ...] = ()
    entrypoint: str | None = None
    label: tuple[str, ...] = ()
    name: str | None = None
    alone: bool = False
    no_tty: bool = False
    service_ports: bool = False
    publish: tuple[str, ...] = ()
    use_aliases: bool = False
    remove: bool = False
    user: str | None = None
    volume: tuple[str, ...] = ()
    workdir: str | None = None
    builds: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    pull: str | None = None
    orphans: bool = False
    quiet_builds: bool = False


def run_once(session: Session, once: Once, build: Build) -> int:
    """Start what the service needs, then its container; the exit code, unless this process becomes its client."""
    project = session.file.project
    service = _changed(project.service(once.service), once)
    for note in check_keys(project, (service.name,), session.file.where):
        warn(note)
    check_values(
        replace(project, services={**project.services, service.name: service}), (service.name,), session.file.where
    )
    with session.changing() as folder:
        if once.orphans:
            session.remove_orphans()
        if not once.alone:
            _bring_up_needed(session, folder, service, once, build)
        _make_places(session, service)
        kept = _make(session, folder, service, once, build)
    containers = Containers(session.root)
    if once.detach:
        lifecycle.start(containers, kept)
        say(kept.container.name)
        return 0
    from whit.runtime.verbs.attach import run_attached  # noqa: PLC0415 - of no use to what is detached
    from whit.runtime.verbs.keys import USUAL, key_bytes  # noqa: PLC0415 - as above

    run_attached(containers, kept, key_bytes(USUAL))
    return 0


def _changed(service: Service, once: Once) -> Service:
    """The service with what was asked for in its place."""
    values = dict(service.values)
    if once.entrypoint is not None:
        values |= {"entrypoint": _split(once.entrypoint), "command": []}
    if once.arguments:
        values["command"] = list(once.arguments)
    own = {
        name: value if is_set else os.environ.get(name)
        for name, is_set, value in (text.partition("=") for text in once.env)
    }
    values["environment"] = {**(values.get("environment") or {}), **_of_files(once.env_files), **own}
    values["labels"] = {**(values.get("labels") or {}), **dict(text.partition("=")[::2] for text in once.label)}
    values["cap_add"] = [*(values.get("cap_add") or ()), *once.cap_add]
    values["cap_drop"] = [*(values.get("cap_drop") or ()), *once.cap_drop]
    values |= {key: value for key, value in (("user", once.user), ("working_dir", once.workdir)) if value}
    return replace(service, values=values)


def _split(text: str) -> list[str]:
    """A command line in its words, as a shell has them, as docker compose splits it. Raises :class:`UsageError`."""
    import shlex  # noqa: PLC0415 - seldom given

    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--entrypoint: {str(error).lower()}: {text[:60]}", hint="close the quotation") from None


def _of_files(paths: tuple[str, ...]) -> dict[str, str]:
    """The variables of ``--env-from-file``. Raises :class:`WhitError`."""
    if not paths:
        return {}
    from pathlib import Path  # noqa: PLC0415 - seldom given

    from whit.runtime.compose.model import envfile  # noqa: PLC0415

    known: dict[str, str] = {}
    for path in paths:
        try:
            text = Path(path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is no text"
            raise NotFoundError(f"--env-from-file {path}: {why}", hint="name a file of lines NAME=VALUE") from None
        envfile.read(text, path, known, os.environ.get)
    return known


def _bring_up_needed(session: Session, folder: Path, service: Service, once: Once, build: Build) -> None:
    """What the service depends on, as it wants that to be."""
    project = session.file.project
    needed = tuple(one.service for one in service.dependencies if one.service in project.services)
    if not needed:
        return
    wishes = UpWishes(Choice(needed), quiet_builds=once.quiet_builds)
    acting = bring_up(session.file, session.store, folder, wishes, session.chosen, build)
    view = session.look()
    for way in service.dependencies:
        for one in view.present.of(way.service):
            try:
                wait_for(view.kept[one.id], way.condition, acting.left)
            except WhitError:
                if way.required:
                    raise


def _make_places(session: Session, service: Service) -> None:
    """The networks and volumes that the service is in, where they aren't there."""
    project, view = session.file.project, session.look()
    alone = replace(project, services={service.name: replace(service, dependencies=())})
    choice = Choice((service.name,), scales=((service.name, 0),), alone=True)
    nobody = replace(view.present, containers=())
    steps = plan_up(alone, nobody, {service.name: Wanted("", "")}, choice)
    making = Making(project, session.file.where, Contents({}, {}), {})
    session.act(steps, acting=Acting(session.store, making))


def _make(session: Session, folder: Path, service: Service, once: Once, build: Build) -> Kept:
    project = session.file.project
    how = Obtaining(
        session.store, build, folder, session.file.where, once.pull or "", once.builds, quiet=once.quiet_builds
    )
    obtain_images(project, (service.name,), how)
    contents = read_contents(project, (service.name,), folder, session.file.contents)
    own = labels.service_labels(project, service, 1, oneoff=True)
    own[labels.HASH] = config_hash(project, service, contents.digests)
    name = check_name(once.name or f"{project.name}-{service.name}-run-{os.urandom(6).hex()}")
    place = Place(name, 1, tuple(own.items()), lambda other: project.container_name(other, 1), contents.sources)
    with telling(session.file.where, ("services", service.name), service.values, is_file=False):
        words, wishes = wishes_of(project, service, place)
        return creating.create(words, _wishes(wishes, once), session.store)


def _wishes(wishes: Wishes, once: Once) -> Wishes:
    has_terminal = sys.stdin.isatty() and sys.stdout.isatty() and not once.no_tty and not once.detach
    ports = wishes.ports if once.service_ports else ()
    networks = wishes.networks
    if not once.use_aliases:
        networks = tuple(replace(one, aliases=()) for one in networks)
    return replace(
        wishes,
        restart=Restart(Policy.NO),
        interactive=not once.detach,
        terminal=has_terminal,
        remove=once.remove,
        ports=(*ports, *(port for text in once.publish for port in parse_port(text))),
        networks=networks,
        mounts=(*wishes.mounts, *map(parse_volume, once.volume)),
    )
