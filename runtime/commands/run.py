"""``whit run``: pack an executable, or take an image, and run it confined; in the background, or kept, where that is asked for."""

from __future__ import annotations

from typing import Any

import click

from whit.runtime.commands.keeping import keeping_options
from whit.runtime.commands.options import SETTINGS, launch_options, pull_option
from whit.runtime.commands.powers import power_options


@click.command(context_settings=SETTINGS)
@click.option("-d", "--detach", is_flag=True, help="Run it in the background and print its ID.")
@click.option("--rm", is_flag=True, help="Remove it when it ends; one that isn't kept leaves nothing in any case.")
@click.option("-i", "--interactive", is_flag=True, help="Let it read your standard input, also where it is kept.")
@click.option("--detach-keys", default="ctrl-p,ctrl-q", show_default=True, help="What lets go of a container.")
@pull_option
@launch_options
@keeping_options
@power_options
def command(**words: Any) -> None:  # noqa: ANN401 - click's
    """Run a program confined: a FILE is packed into the store first, an IMAGE is taken from it.

    What follows is passed to the program. The exit status is the program's; 125 to 127 as docker's.
    Without -d, -t, a name, ports or anything else that asks for a container that is kept, nothing of it stays.
    It is in whit's default network unless told otherwise: --network none leaves it alone.
    """
    from whit.runtime.verbs.run import run

    run(**words)
