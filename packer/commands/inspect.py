"""``whit inspect FILE``: what an executable is and what it needs, with the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.commands.options import choice_options

if TYPE_CHECKING:
    from whit.packer.resolution.choices import Choices


@click.command("inspect", short_help="Show what an executable is and what it needs, with the evidence")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/inspect.md) instead of a page.")
@choice_options
def command(file: str, as_json: bool, choices: Choices) -> None:
    """Show what FILE is (format, platform, language) and what an image of it would hold beside it, and why.

    FILE is only read, never run.
    """
    from whit.packer.verbs.inspect import inspect_file

    inspect_file(file, choices, as_json=as_json)
