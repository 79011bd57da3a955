"""``whit create``: a container that ``whit start`` starts."""

from __future__ import annotations

from typing import Any

import click

from whit.runtime.commands.keeping import keeping_options
from whit.runtime.commands.options import SETTINGS, launch_options, pull_option
from whit.runtime.commands.powers import power_options


@click.command(context_settings=SETTINGS)
@click.option("--rm", is_flag=True, help="Remove it when it ends.")
@click.option("-i", "--interactive", is_flag=True, help="Let it read what is typed for it.")
@pull_option
@launch_options
@keeping_options
@power_options
def command(**words: Any) -> None:  # noqa: ANN401 - click's
    """Make a container of a FILE, which is packed first, or of an IMAGE, and print its ID. It doesn't run yet."""
    from whit.runtime.verbs.create import create

    create(**words)
