"""``whit exec``: another process in a container that runs."""

from __future__ import annotations

from typing import Any

import click


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("-d", "--detach", is_flag=True, help="Return as soon as it runs.")
@click.option("-i", "--interactive", is_flag=True, help="Give it this input.")
@click.option("-t", "--tty", is_flag=True, help="Give it a terminal.")
@click.option("-e", "--env", multiple=True, metavar="NAME[=VALUE]", help="Set a variable, or pass on your own.")
@click.option("--env-file", multiple=True, metavar="FILE", help="Set the variables of a file, a line each.")
@click.option("-u", "--user", metavar="USER[:GROUP]", help="Whom it runs as; names are looked up in the container.")
@click.option("-w", "--workdir", default="", metavar="DIRECTORY", help="Where it begins.")
@click.option("--detach-keys", default="ctrl-p,ctrl-q", show_default=True, help="What lets go of it.")
@click.option("--privileged", is_flag=True, help="All capabilities; the filter of system calls stays.")
@click.argument("container")
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND [ARG]...")
def command(**words: Any) -> None:  # noqa: ANN401 - click's
    """Execute COMMAND in a CONTAINER that runs, confined as that is. The exit status is the command's."""
    from whit.runtime.verbs import exec as verb

    verb.exec(**words)
