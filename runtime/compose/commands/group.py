"""``whit compose``: several containers of one file."""

from __future__ import annotations

from typing import Any

import click

from whit.runtime.compose.commands.chosen import Chosen
from whit.runtime.groups import LazyGroup

VERBS: dict[str, tuple[str, str]] = {
    "config": ("whit.runtime.compose.commands.config", "Show what Compose files mean"),
}
"""Verb → module, or MODULE:NAME, that holds its click command, and the line that ``--help`` shows."""


@click.group(
    "compose",
    cls=LazyGroup,
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
    help="How it is told what is done.",
)
@click.option("--ansi", type=click.Choice(["auto", "never", "always"]), default="auto", help="Colours or none.")
@click.option("--parallel", type=int, default=0, metavar="NUMBER", help="At most so many things at once.")
@click.pass_context
def command(context: click.Context, /, **words: Any) -> None:  # noqa: ANN401 - click's
    """Make and run what a Compose file describes: containers, networks and volumes of one project."""
    context.obj = {**(context.obj or {}), "compose": Chosen(**words)}
