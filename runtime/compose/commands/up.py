"""``whit compose up``, ``create`` and ``scale``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from whit.runtime.compose.commands.session import builder_of, chosen_of, options, services_argument, session_of

if TYPE_CHECKING:
    from whit.runtime.compose.running.uprunning import UpWishes

_MAKING: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--build", "builds"), {"is_flag": True, "help": "Build images first, whether they are there or not."}),
    (("--no-build", "never_builds"), {"is_flag": True, "help": "Build nothing."}),
    (("--pull",), {"type": click.Choice(["always", "missing", "never", "build"]), "help": "Instead of the file's pull_policy."}),
    (("--force-recreate",), {"is_flag": True, "help": "Make all containers anew, changed or not."}),
    (("--no-recreate",), {"is_flag": True, "help": "Leave containers that are there as they are."}),
    (("--remove-orphans", "orphans"), {"is_flag": True, "help": "Remove containers of services that the file doesn't have."}),
    (("--scale", "scales"), {"multiple": True, "metavar": "SERVICE=NUMBER", "help": "So many containers of a service."}),
    (("-y", "--yes"), {"is_flag": True, "hidden": True}),
    (("--quiet-pull",), {"is_flag": True, "hidden": True}),
)  # fmt: skip
_UP: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-d", "--detach"), {"is_flag": True, "help": "In the background."}),
    (("--wait",), {"is_flag": True, "help": "Until all run or are healthy; in the background."}),
    (("--wait-timeout",), {"type": int, "metavar": "SECONDS", "help": "How long that may take."}),
    (("--no-deps", "alone"), {"is_flag": True, "help": "Don't start what the services need."}),
    (("--always-recreate-deps", "recreate_needed"), {"is_flag": True, "help": "Make anew what the services need, too."}),
    (("--no-start",), {"is_flag": True, "help": "Make all and start nothing."}),
    (("--rolling",), {"is_flag": True, "help": "Replace containers with a healthcheck without a gap: the new one is well first."}),
    (("-V", "--renew-anon-volumes", "renews_volumes"), {"is_flag": True, "help": "New volumes without a name, not those of the container before."}),
    (("--abort-on-container-exit", "aborts"), {"is_flag": True, "help": "Stop all when one ends."}),
    (("--abort-on-container-failure", "aborts_failed"), {"is_flag": True, "help": "Stop all when one fails."}),
    (("--exit-code-from",), {"metavar": "SERVICE", "help": "Exit as this one does; stops all when it ends."}),
    (("--attach",), {"multiple": True, "metavar": "SERVICE", "help": "Show what these write, and no others."}),
    (("--no-attach",), {"multiple": True, "metavar": "SERVICE", "help": "Don't show what these write."}),
    (("--no-log-prefix",), {"is_flag": True, "help": "Nothing in front of lines."}),
    (("--no-color",), {"is_flag": True, "help": "No colours."}),
    (("--timestamps",), {"is_flag": True, "help": "The time in front of each line."}),
    (("-t", "--timeout", "seconds"), {"type": int, "metavar": "SECONDS", "help": "How long a container may take to stop."}),
)  # fmt: skip


def _wishes(services: tuple[str, ...], words: dict[str, Any]) -> UpWishes:
    from whit.packer.support.errors import UsageError
    from whit.runtime.compose.graph.upward import Recreate
    from whit.runtime.compose.running.uprunning import UpWishes

    if words["force_recreate"] and words["no_recreate"]:
        raise UsageError("--force-recreate and --no-recreate contradict each other", hint="leave one of them out")
    if words["builds"] and words["never_builds"]:
        raise UsageError("--build and --no-build contradict each other", hint="leave one of them out")
    recreate = Recreate.ALL if words["force_recreate"] else Recreate.NONE if words["no_recreate"] else Recreate.CHANGED
    return UpWishes(
        services=services,
        scales=tuple(map(_scale, words["scales"])),
        recreate=recreate,
        recreate_needed=words.get("recreate_needed", False),
        alone=words.get("alone", False),
        starts=not words.get("no_start", False),
        orphans=words["orphans"],
        rolling=words.get("rolling", False),
        pull=words["pull"] or "",
        builds=words["builds"],
        never_builds=words["never_builds"],
        seconds=words.get("seconds"),
        renews_volumes=words.get("renews_volumes", False),
    )


def _scale(text: str) -> tuple[str, int]:
    from whit.packer.support.errors import UsageError

    name, _, count = text.partition("=")
    if not (name and count.isascii() and count.isdigit() and len(count) < 5):  # noqa: PLR2004 - digits
        raise UsageError(f"--scale: '{text}'", hint="SERVICE=NUMBER, as in web=3")
    return name, int(count)


@click.command(short_help="Make and start what the file describes")
@options(*_UP, *_MAKING)
@services_argument
@click.pass_context
def command(context: click.Context, /, services: tuple[str, ...], **words: Any) -> int:  # noqa: ANN401 - click's
    """Make and start all services, or these and what they need; then show what they write until Ctrl-C, which stops them.

    Only what has changed is made anew: its configuration, its image, a secret or config that it is shown.
    """
    from whit.runtime.compose.running.foreground import Watched, attend, check
    from whit.runtime.compose.running.uprunning import bring_up, wait_until_well

    wishes = _wishes(services, words)
    session = session_of(context, services, needs_file=True)
    watched = Watched(
        detached=words["detach"] or words["wait"] or words["no_start"],
        aborts=words["aborts"], aborts_failed=words["aborts_failed"], code_from=words["exit_code_from"] or "",
        only=words["attach"], but=words["no_attach"], prefixed=not words["no_log_prefix"], plain=words["no_color"],
        timestamps=words["timestamps"], seconds=words["seconds"],
    )  # fmt: skip
    check(session.file.project, watched)
    with session.changing() as folder:
        acting = bring_up(session.file, session.store, folder, wishes, session.chosen, builder_of(context))
        names = session.file.project.chosen(services, alone=wishes.alone)
    if words["wait"]:
        wait_until_well(session.file.project, acting, session.look().all_of(names), words["wait_timeout"])
    return 0 if watched.detached else attend(session, names, watched)


@click.command("create", short_help="Make what the file describes, and start nothing")
@options(*_MAKING)
@services_argument
@click.pass_context
def create(context: click.Context, /, services: tuple[str, ...], **words: Any) -> None:  # noqa: ANN401 - click's
    """Make containers, networks and volumes, as up does, and start nothing."""
    from whit.runtime.compose.running.uprunning import bring_up

    session = session_of(context, services, needs_file=True)
    wishes = _wishes(services, {**words, "no_start": True, "alone": True})
    with session.changing() as folder:
        bring_up(session.file, session.store, folder, wishes, chosen_of(context), builder_of(context))


@click.command("scale", short_help="Have so many containers of services")
@click.option("--no-deps", "alone", is_flag=True, help="Don't start what they need.")
@click.argument("scales", nargs=-1, required=True, metavar="SERVICE=NUMBER...")
@click.pass_context
def scale(context: click.Context, /, alone: bool, scales: tuple[str, ...]) -> None:
    """Start or remove containers until there are so many of each service; those that stay are left as they are."""
    from whit.runtime.compose.graph.upward import Recreate
    from whit.runtime.compose.running.uprunning import UpWishes, bring_up

    wanted = tuple(map(_scale, scales))
    names = tuple(name for name, _ in wanted)
    session = session_of(context, names, needs_file=True)
    wishes = UpWishes(names, wanted, Recreate.NONE, alone=alone)
    with session.changing() as folder:
        bring_up(session.file, session.store, folder, wishes, session.chosen, builder_of(context))
