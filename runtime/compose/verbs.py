"""What the verbs of ``whit compose`` do once their words are read: by plainwords.py at once, else by click (commands/)."""

from __future__ import annotations

from whit.packer.support.errors import NotFoundError, UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.running.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from whit.runtime.compose.commands.chosen import Chosen
    from whit.runtime.compose.graph.model import Seen, Step
    from whit.runtime.compose.project import Service
    from whit.runtime.compose.running.images import Build
    from whit.runtime.compose.running.uprunning import UpWishes


def parse_scale(text: str) -> tuple[str, int]:
    """``SERVICE=NUMBER``. Raises :class:`UsageError`."""
    name, equals, count = text.partition("=")
    if not (name and equals):
        raise UsageError(
            f"'{text}' doesn't say how many containers of which service", hint="SERVICE=NUMBER, as in web=3"
        )
    if not (count.isascii() and count.isdigit() and len(count) < 5):  # noqa: PLR2004 - digits
        raise UsageError(f"service {name} can't have '{count}' containers", hint="a number from 0 to 9999, as in web=3")
    return name, int(count)


def up_wishes(services: tuple[str, ...], words: dict[str, object]) -> UpWishes:
    """What the options of ``up`` and ``create`` mean together. Raises :class:`UsageError` for two that contradict each other."""
    from whit.runtime.compose.graph.upward import Choice, Recreate  # noqa: PLC0415 - who only stops needs none of it
    from whit.runtime.compose.running.uprunning import UpWishes  # noqa: PLC0415

    given: dict[str, Any] = dict(words)
    every, none = bool(given.pop("force_recreate", False)), bool(given.pop("no_recreate", False))
    if every and none:
        raise UsageError("--force-recreate and --no-recreate contradict each other", hint="leave one of them out")
    if given.get("builds") and given.get("never_builds"):
        raise UsageError("--build and --no-build contradict each other", hint="leave one of them out")
    # Volumes are renewed with their container alone.
    every = every or bool(given.get("renews_volumes"))
    recreate = Recreate.NONE if none else Recreate.ALL if every else Recreate.CHANGED
    starts = not given.pop("no_start", False)
    scales = tuple(map(parse_scale, given.pop("scales", ())))
    pull = str(given.pop("pull", None) or "")
    asked = {name: given.pop(name) for name in ("recreate_needed", "alone", "orphans", "rolling") if name in given}
    return UpWishes(Choice(services, services, scales, recreate, starts=starts, **asked), pull, **given)


_SEEN = (
    "aborts", "aborts_failed", "exit_code_from", "attach", "attach_dependencies", "no_attach", "no_log_prefix", "no_color", "timestamps",
)  # fmt: skip


def up(chosen: Chosen, build: Build, services: tuple[str, ...] = (), **words: object) -> int:
    """Make and start, in the background or in view; the exit code."""
    from whit.runtime.compose.running.uprunning import bring_up, wait_until_well  # noqa: PLC0415 - as above

    given = dict(words)
    waits, limit = bool(given.pop("wait", False)), given.pop("wait_timeout", None)
    detached = bool(given.pop("detach", False)) or waits or bool(given.get("no_start"))
    follows = bool(given.pop("follows", False))
    shown = {name: given.pop(name) for name in _SEEN if name in given}
    wishes = up_wishes(services, given)
    session = Session(chosen, services, needs_file=True)
    project = session.file.project
    ends = any(shown.get(name) for name in ("aborts", "aborts_failed", "exit_code_from"))
    if follows and (detached or ends):
        raise UsageError(
            "--watch is for the foreground, and without an end", hint="leave -d, --wait and --abort-on-… out"
        )
    if detached and ends:
        raise UsageError(
            "--abort-on-container-exit and --exit-code-from are for the foreground", hint="leave -d and --wait out"
        )
    if not detached:
        from whit.runtime.compose.running.foreground import check, watched_of  # noqa: PLC0415 - in the background there is nobody

        watched = watched_of(shown, wishes.seconds, services)
        check(project, watched)
    with session.changing() as folder:
        acting = bring_up(session.file, session.store, folder, wishes, chosen, build)
    names = project.chosen(services, alone=wishes.choice.alone)
    if chosen.dry:
        return 0
    if waits:
        wait_until_well(project, acting, session.look().all_of(names), float(str(limit)) if limit else None)
    if detached:
        return 0
    from whit.runtime.compose.running.foreground import attend  # noqa: PLC0415 - as above

    return attend(session, names, watched, build if follows else None)


def watch(
    chosen: Chosen,
    build: Build,
    services: tuple[str, ...] = (),
    *,
    no_up: bool = False,
    quiet: bool = False,
) -> int:
    """Make and start in the background, and have services follow the host's files until a person has enough; the exit code."""
    from whit.packer.showing.console import tell  # noqa: PLC0415 - as above
    from whit.runtime.compose.graph.upward import Choice  # noqa: PLC0415
    from whit.runtime.compose.running.uprunning import UpWishes, bring_up  # noqa: PLC0415
    from whit.runtime.compose.running.watching import Watching  # noqa: PLC0415

    session = Session(chosen, services, needs_file=True)
    names = services or tuple(session.file.project.services)
    watching = Watching(session, names, build, quiet=quiet)
    if not no_up:
        with session.changing() as folder:
            bring_up(
                session.file,
                session.store,
                folder,
                UpWishes(Choice(services, services), quiet_builds=quiet),
                chosen,
                build,
            )
    try:
        watching.run()
    except KeyboardInterrupt:
        tell("whit: watching no more; the services run on\n")
    return 0


def down(
    chosen: Chosen,
    services: tuple[str, ...] = (),
    *,
    volumes: bool = False,
    rmi: str | None = None,
    orphans: bool = False,
    timeout: int | None = None,
) -> None:
    """Stop and remove."""
    from whit.runtime.compose.running.downrunning import DownWishes, bring_down  # noqa: PLC0415 - as above

    session = Session(chosen, services)
    with session.changing():
        bring_down(session, DownWishes(volumes, rmi or "", orphans, timeout))


def stop(chosen: Chosen, services: tuple[str, ...] = (), *, timeout: int | None = None) -> None:
    """Stop, those that need others first."""
    from whit.runtime.compose.graph.downward import plan_stop  # noqa: PLC0415 - as above
    from whit.runtime.compose.running.acting import Ending  # noqa: PLC0415

    session = Session(chosen, services)
    with session.changing():
        view = session.look()
        session.act(plan_stop(session.chosen_of(view), session.needs(view)), Ending(timeout))


def start(chosen: Chosen, services: tuple[str, ...] = (), *, waits: bool = False, limit: int | None = None) -> None:
    """Start what was made, those that others need first."""
    from whit.runtime.compose.graph.downward import plan_start  # noqa: PLC0415 - as above

    session = Session(chosen, services)
    with session.changing():
        view = session.look()
        seen = session.chosen_of(view)
        for name in services:
            if not any(one.service == name for one in seen):
                raise NotFoundError(f"service {name} has no container", hint=f"whit compose up {name}")
        _check_hooks(session, seen)
        steps = plan_start(seen, session.needs(view), waits=lambda name: _waits(session, seen, name))
        acting = session.act(steps)
    if waits and session.loaded and not chosen.dry:
        from whit.runtime.compose.running.uprunning import wait_until_well  # noqa: PLC0415 - as above

        wait_until_well(session.loaded.project, acting, seen, limit)


def _check_hooks(session: Session, seen: tuple[Seen, ...]) -> None:
    """Raises :class:`WhitError` for services that something has to run before: only ``up`` makes that, as with docker compose."""
    for name, service in session.loaded.project.services.items() if session.loaded else ():
        own = [one for one in seen if one.service == name]
        if service.hooks and own and not any(one.is_up for one in own):
            raise WhitError(
                f"service {name} has a pre_start, which runs before it is started", hint=f"whit compose up -d {name}"
            )


def _waits(session: Session, seen: tuple[Seen, ...], name: str) -> tuple[Step, ...]:
    """What a service waits for beside the start of what it needs: that it is healthy, or done."""
    from whit.runtime.compose.graph.model import Kind, Step  # noqa: PLC0415 - as above
    from whit.runtime.compose.project import Condition  # noqa: PLC0415

    service = session.loaded.project.services.get(name) if session.loaded else None
    found = []
    for one in service.dependencies if service else ():
        starts = tuple(f"start:{other.name}" for other in seen if other.service == one.service)
        if one.condition is not Condition.STARTED and starts:
            key = f"wait:{one.service}:{one.condition}"
            step = Step(key, Kind.WAIT, "", starts, one.service, condition=one.condition, tolerant=not one.required)
            found.append(step)
    return tuple(found)


def restart(chosen: Chosen, services: tuple[str, ...] = (), *, alone: bool = False, timeout: int | None = None) -> None:
    """Stop and start, with those that say ``restart: true`` of them."""
    from whit.runtime.compose.graph.downward import plan_restart  # noqa: PLC0415 - as above
    from whit.runtime.compose.running.acting import Ending  # noqa: PLC0415

    session = Session(chosen, services)
    with session.changing():
        view = session.look()
        seen = session.chosen_of(view)
        if services and not alone and session.loaded:
            more = restarted_with(session.loaded.project.services.values(), services)
            seen += tuple(one for one in view.all_of(more) if one.is_up) if more else ()
        session.act(plan_restart(seen, session.needs(view)), Ending(timeout))


def restarted_with(services: Iterable[Service], names: tuple[str, ...]) -> tuple[str, ...]:
    """Services that are restarted when these are."""
    found: list[str] = []
    known, grown = list(services), True
    while grown:
        grown = False
        for one in known:
            is_new = one.name not in names and one.name not in found
            if is_new and any(way.restart and way.service in {*names, *found} for way in one.dependencies):
                found.append(one.name)
                grown = True
    return tuple(found)


def ps(chosen: Chosen, services: tuple[str, ...] = (), *, everything: bool = False, quiet: bool = False) -> None:
    """List what there is, in docker's columns."""
    from whit.runtime.compose.running.listed import list_containers  # noqa: PLC0415 - as above

    session = Session(chosen, services)
    list_containers(session, (), "ids" if quiet else "table", everything=everything, whole=False, orphans=True)
