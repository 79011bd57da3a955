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
    from whit.packer.executable.file import open_executable
    from whit.packer.needs import DETAILS
    from whit.packer.resolution.additions import gather
    from whit.packer.resolution.resolve import resolve_executable
    from whit.packer.showing.console import page_width, print_json
    from whit.packer.showing.inspectpage import page
    from whit.packer.showing.report import document

    added = gather(choices.additions).entries
    executable = open_executable(file, DETAILS)
    resolution = resolve_executable(executable, choices, added=added)
    if as_json:
        print_json(document(executable.name, executable.analysis, resolution))
        return
    for line in page(executable.name, executable.analysis, resolution, page_width()):
        click.echo(line)
