"""``whit compose up``, ``create`` and ``scale``."""

from __future__ import annotations

from typing import Any

import click

from whit.runtime.compose.commands.session import builder_of, chosen_of, options, services_argument, session_of

_MAKING: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--build", "builds"), {"is_flag": True, "help": "Build images first, whether they are there or not."}),
    (("--no-build", "never_builds"), {"is_flag": True, "help": "Build nothing."}),
    (("--pull",), {"type": click.Choice(["always", "missing", "never", "build"]), "help": "Instead of the file's pull_policy."}),
    (("--force-recreate",), {"is_flag": True, "help": "Make all containers anew, changed or not."}),
    (("--no-recreate",), {"is_flag": True, "help": "Leave containers that are there as they are."}),
    (("--remove-orphans", "orphans"), {"is_flag": True, "envvar": "COMPOSE_REMOVE_ORPHANS", "help": "Remove containers of services that the file doesn't have."}),
    (("--scale", "scales"), {"multiple": True, "metavar": "SERVICE=NUMBER", "help": "So many containers of a service."}),
    (("-y", "--yes"), {"is_flag": True, "hidden": True}),
    (("--quiet-pull",), {"is_flag": True, "hidden": True}),
    (("--quiet-build", "quiet_builds"), {"is_flag": True, "help": "Tell nothing of builds."}),
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
    (("--attach-dependencies",), {"is_flag": True, "help": "Show what services write that the named ones need, too."}),
    (("--no-attach",), {"multiple": True, "metavar": "SERVICE", "help": "Don't show what these write."}),
    (("--no-log-prefix",), {"is_flag": True, "help": "Nothing in front of lines."}),
    (("--no-color",), {"is_flag": True, "help": "No colours."}),
    (("--timestamps",), {"is_flag": True, "help": "The time in front of each line."}),
    (("--menu",), {"is_flag": True, "hidden": True}),
    (("-w", "--watch", "follows"), {"is_flag": True, "help": "Have services follow the host's files meanwhile, as watch does."}),
    (("-t", "--timeout", "seconds"), {"type": int, "metavar": "SECONDS", "help": "How long a container may take to stop."}),
)  # fmt: skip


def _wanted(words: dict[str, Any]) -> dict[str, Any]:
    """Without docker's options that are of no use here: nothing is asked, and pulling isn't loud."""
    return {name: value for name, value in words.items() if name not in {"yes", "quiet_pull", "menu"}}


@click.command(short_help="Make and start what the file describes")
@options(*_UP, *_MAKING)
@services_argument
@click.pass_context
def command(context: click.Context, /, services: tuple[str, ...], **words: Any) -> int:  # noqa: ANN401 - click's
    """Make and start all services, or these and what they need; then show what they write until Ctrl-C, which stops them.

    Only what has changed is made anew: its configuration, its image, a secret or config that it is shown.
    """
    from whit.runtime.compose.verbs import up

    return up(chosen_of(context), builder_of(context), services, **_wanted(words))


@click.command("watch", short_help="Have services follow the host's files")
@click.option("--no-up", is_flag=True, help="Make and start nothing first.")
# An image that has lost its name is no image of the store's any more: there is nothing to be pruned.
@click.option("--prune/--no-prune", hidden=True, expose_value=False)
@click.option("--quiet", is_flag=True, help="Tell nothing of builds.")
@services_argument
@click.pass_context
def watch(context: click.Context, /, no_up: bool, quiet: bool, services: tuple[str, ...]) -> int:
    """Make and start all services, or these and what they need; then do what their develop.watch says when files change, until Ctrl-C.

    Changed files are put into containers, services are restarted, or built and made anew. The services run on at the end.
    """
    from whit.runtime.compose import verbs

    return verbs.watch(chosen_of(context), builder_of(context), services, no_up=no_up, quiet=quiet)


@click.command("create", short_help="Make what the file describes, and start nothing")
@options(*_MAKING)
@services_argument
@click.pass_context
def create(context: click.Context, /, services: tuple[str, ...], **words: Any) -> None:  # noqa: ANN401 - click's
    """Make containers, networks and volumes, as up does, and start nothing."""
    from whit.runtime.compose.running.uprunning import bring_up
    from whit.runtime.compose.verbs import up_wishes

    session = session_of(context, services, needs_file=True)
    wishes = up_wishes(services, {**_wanted(words), "no_start": True, "alone": True})
    with session.changing() as folder:
        bring_up(session.file, session.store, folder, wishes, chosen_of(context), builder_of(context))


@click.command("scale", short_help="Have so many containers of services")
@click.option("--no-deps", "alone", is_flag=True, help="Don't start what they need.")
@click.argument("scales", nargs=-1, required=True, metavar="SERVICE=NUMBER...")
@click.pass_context
def scale(context: click.Context, /, alone: bool, scales: tuple[str, ...]) -> None:
    """Start or remove containers until there are so many of each service; those that stay are left as they are."""
    from whit.runtime.compose.graph.upward import Choice, Recreate
    from whit.runtime.compose.running.uprunning import UpWishes, bring_up
    from whit.runtime.compose.verbs import parse_scale

    wanted = tuple(map(parse_scale, scales))
    names = tuple(name for name, _ in wanted)
    session = session_of(context, names, needs_file=True)
    wishes = UpWishes(Choice(names, names, wanted, Recreate.NONE, alone=alone))
    with session.changing() as folder:
        bring_up(session.file, session.store, folder, wishes, session.chosen, builder_of(context))
