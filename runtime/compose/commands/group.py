"""``whit compose``: several containers of one file."""

from __future__ import annotations

from typing import Any

import click

from whit.packer.support.errors import UsageError
from whit.packer.support.light import replace
from whit.runtime.compose.commands.chosen import Chosen
from whit.runtime.groups import LazyGroup

_HERE = "whit.runtime.compose.commands"

VERBS: dict[str, tuple[str, str]] = {
    "up": (f"{_HERE}.up", "Make and start what the file describes"),
    "down": (f"{_HERE}.down", "Stop and remove what up has made"),
    "create": (f"{_HERE}.up:create", "Make what the file describes, and start nothing"),
    "scale": (f"{_HERE}.up:scale", "Have so many containers of services"),
    "start": (f"{_HERE}.down:start", "Start services that were made"),
    "stop": (f"{_HERE}.down:stop", "Stop services"),
    "restart": (f"{_HERE}.down:restart", "Stop services and start them again"),
    "kill": (f"{_HERE}.down:kill", "Send a signal to services"),
    "rm": (f"{_HERE}.down:rm", "Remove containers that don't run"),
    "ps": (f"{_HERE}.listing", "List a project's containers"),
    "ls": (f"{_HERE}.listing:projects", "List projects"),
    "images": (f"{_HERE}.listing:images", "List the images that a project's containers are of"),
    "volumes": (f"{_HERE}.listing:volumes", "List a project's volumes"),
    "port": (f"{_HERE}.listing:port", "Show where a service's port is published"),
    "watch": (f"{_HERE}.up:watch", "Have services follow the host's files"),
    "logs": (f"{_HERE}.logs", "Show what services wrote"),
    "exec": (f"{_HERE}.within:execute", "Execute a command in a service's container"),
    "run": (f"{_HERE}.within:run", "Run a command in a new container of a service"),
    "attach": (f"{_HERE}.within:attach", "See what a service's container writes, and type for it"),
    "top": (f"{_HERE}.within:top", "Show the processes of services"),
    "pause": (f"{_HERE}.within:pause", "Let services stand still"),
    "unpause": (f"{_HERE}.within:unpause", "Let services go on"),
    "wait": (f"{_HERE}.within:wait", "Wait for the end of services"),
    "stats": (f"{_HERE}.within:stats", "Show what services use"),
    "cp": (f"{_HERE}.within:cp", "Copy files into a service's container and out of it"),
    "commit": (f"{_HERE}.kept:commit", "Make an image of a service's container"),
    "export": (f"{_HERE}.kept:export", "Write the files of a service's container as a tar"),
    "events": (f"{_HERE}.within:events", "Show what happens to a project"),
    "build": (f"{_HERE}.images", "Build the images of services"),
    "pull": (f"{_HERE}.images:pull", "Take the images of services from registries"),
    "push": (f"{_HERE}.images:push", "Send the images of services to registries"),
    "config": (f"{_HERE}.config", "Show what Compose files mean"),
    "version": (f"{_HERE}.listing:version", "Show whit's version"),
}
"""Verb → module, or MODULE:NAME, that holds its click command, and the line that ``--help`` shows."""

DRY = ("up", "create", "scale", "start", "stop", "restart", "kill", "rm", "down")
"""What can be told without doing it."""


def _dry(context: click.Context, _: click.Parameter, is_given: bool) -> None:
    if is_given:
        context.obj = {**context.obj, "compose": replace(context.obj["compose"], dry=True)}


class _Compose(LazyGroup):
    """Its verbs know ``--dry-run``, too, as docker compose's do, as far as they can only be told."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb."""
        found = super().get_command(ctx, cmd_name)
        if found and cmd_name in DRY and not any("--dry-run" in one.opts for one in found.params):
            text = "Only tell what would be done."
            found.params.append(click.Option(["--dry-run"], is_flag=True, expose_value=False, callback=_dry, help=text))
        return found


@click.group(
    "compose",
    cls=_Compose,
    table=VERBS,
    short_help="Run several containers of one Compose file",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("-f", "--file", "files", multiple=True, metavar="FILE", help="A Compose file; - is standard input.")
@click.option("-p", "--project-name", "name", metavar="NAME", help="The project's name.")
@click.option("--profile", "profiles", multiple=True, metavar="NAME", help="A profile that is switched on.")
@click.option("--env-file", "env_files", multiple=True, metavar="FILE", help="Variables for the file.  [default: .env]")
@click.option("--project-directory", "directory", metavar="FOLDER", help="What paths are relative to.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "tty", "plain", "json", "quiet"]),
    default="auto",
    envvar="COMPOSE_PROGRESS",
    help="How it is told what is done.",
)
@click.option(
    "--ansi",
    type=click.Choice(["auto", "never", "always"]),
    default="auto",
    envvar="COMPOSE_ANSI",
    help="Colours or none.",
)
@click.option(
    "--parallel",
    type=int,
    default=0,
    envvar="COMPOSE_PARALLEL_LIMIT",
    metavar="NUMBER",
    help="At most so many things at once.",
)
@click.option("--dry-run", "dry", is_flag=True, help="Only tell what would be done.")
@click.pass_context
def command(context: click.Context, /, **words: Any) -> None:  # noqa: ANN401 - click's
    """Make and run what a Compose file describes: containers, networks and volumes of one project."""
    if words["dry"] and context.invoked_subcommand not in DRY:
        raise UsageError(f"--dry-run is of no use for {context.invoked_subcommand}", hint=f"it is for {', '.join(DRY)}")
    context.obj = {**(context.obj or {}), "compose": Chosen(**words)}
