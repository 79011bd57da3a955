"""``whit compose down``, ``stop``, ``start``, ``restart``, ``kill``, ``rm``: what ends, and what goes on."""

from __future__ import annotations

import click

from whit.runtime.compose.commands.session import INTERSPERSED, chosen_of, services_argument, session_of, timeout_option


@click.command(short_help="Stop and remove what up has made", context_settings=INTERSPERSED)
@click.option("-v", "--volumes", is_flag=True, help="The volumes that the file names, and those without a name, too.")
@click.option("--rmi", type=click.Choice(["local", "all"]), help="Images, too: those that were built, or all.")
@click.option(
    "--remove-orphans",
    "orphans",
    is_flag=True,
    envvar="COMPOSE_REMOVE_ORPHANS",
    help="Containers of services that the file doesn't have, too.",
)
@timeout_option
@services_argument
@click.pass_context
def command(
    context: click.Context,
    /,
    volumes: bool,
    rmi: str | None,
    orphans: bool,
    timeout: int | None,
    services: tuple[str, ...],
) -> None:
    """Stop and remove the project's containers and networks; with its file or, by -p NAME, without it."""
    from whit.runtime.compose import verbs

    verbs.down(chosen_of(context), services, volumes=volumes, rmi=rmi, orphans=orphans, timeout=timeout)


@click.command("stop", short_help="Stop services", context_settings=INTERSPERSED)
@timeout_option
@services_argument
@click.pass_context
def stop(context: click.Context, /, timeout: int | None, services: tuple[str, ...]) -> None:
    """Stop the containers of all services, or of these: those that need others first."""
    from whit.runtime.compose import verbs

    verbs.stop(chosen_of(context), services, timeout=timeout)


@click.command("kill", short_help="Send a signal to services", context_settings=INTERSPERSED)
@click.option("-s", "--signal", default="KILL", show_default=True, help="Which one.")
@click.option(
    "--remove-orphans", "orphans", is_flag=True, help="Remove containers of services that the file doesn't have."
)
@services_argument
@click.pass_context
def kill(context: click.Context, /, signal: str, orphans: bool, services: tuple[str, ...]) -> None:
    """Send a signal to the containers of all services, or of these."""
    from whit.packer.support.signals import parse_signal
    from whit.runtime.compose.graph.downward import plan_stop
    from whit.runtime.compose.graph.model import Kind
    from whit.runtime.compose.running.acting import Ending

    number = parse_signal(signal)
    session = session_of(context, services)
    with session.changing():
        view = session.look()
        session.act(plan_stop(session.chosen_of(view), {}, Kind.KILL), Ending(signal=number))
        if orphans:
            session.remove_orphans()


@click.command("start", short_help="Start services that were made", context_settings=INTERSPERSED)
@click.option("--wait", "waits", is_flag=True, help="Until all run or are healthy.")
@click.option("--wait-timeout", "limit", type=int, metavar="SECONDS", help="How long that may take.")
@services_argument
@click.pass_context
def start(context: click.Context, /, waits: bool, limit: int | None, services: tuple[str, ...]) -> None:
    """Start the containers of all services, or of these: those that others need first."""
    from whit.runtime.compose import verbs

    verbs.start(chosen_of(context), services, waits=waits, limit=limit)


@click.command("restart", short_help="Stop services and start them again", context_settings=INTERSPERSED)
@click.option("--no-deps", "alone", is_flag=True, help="Leave those alone that are to be restarted with them.")
@timeout_option
@services_argument
@click.pass_context
def restart(context: click.Context, /, alone: bool, timeout: int | None, services: tuple[str, ...]) -> None:
    """Stop and start the containers of all services, or of these and of those that say `restart: true` of them."""
    from whit.runtime.compose import verbs

    verbs.restart(chosen_of(context), services, alone=alone, timeout=timeout)


@click.command("rm", short_help="Remove containers that don't run", context_settings=INTERSPERSED)
@click.option("-f", "--force", is_flag=True, help="Don't ask.")
@click.option("-s", "--stop", "stops", is_flag=True, help="Stop those that run first.")
@click.option("-v", "--volumes", is_flag=True, help="Volumes without a name, too.")
@services_argument
@click.pass_context
def rm(context: click.Context, /, force: bool, stops: bool, volumes: bool, services: tuple[str, ...]) -> None:
    """Remove the containers of all services, or of these, that don't run."""
    from whit.packer.showing.console import tell
    from whit.runtime.commands.asking import is_sure
    from whit.runtime.compose.graph.downward import plan_remove
    from whit.runtime.compose.graph.model import removed_by
    from whit.runtime.compose.running.acting import Ending

    session = session_of(context, services)
    with session.changing():
        view = session.look()
        chosen = tuple(one for one in session.chosen_of(view) if stops or not one.is_up)
        if not chosen:
            tell("No stopped containers\n")
            return
        names = ", ".join(one.name for one in chosen)
        if force or session.chosen.dry or is_sure(f"This removes {names}.", "compose rm"):
            steps = plan_remove(chosen, session.needs(view))
            session.act(steps, Ending(volumes=volumes, removed=removed_by(steps)))
