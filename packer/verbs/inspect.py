"""What an executable is and what it needs."""

from __future__ import annotations

import click

from whit.packer.executable.file import open_executable
from whit.packer.needs import DETAILS
from whit.packer.resolution.additions import gather
from whit.packer.resolution.choices import DEFAULT
from whit.packer.resolution.resolve import resolve_executable
from whit.packer.showing.console import has_colours, page_width, print_json
from whit.packer.showing.inspectpage import page
from whit.packer.showing.report import document
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.packer.resolution.choices import Choices


def inspect_file(file: str, choices: Choices = DEFAULT, *, as_json: bool = False) -> None:
    """Show it, and what an image of it would hold beside it; as whit.packer.commands.inspect says."""
    added = gather(choices.additions).entries
    executable = open_executable(file, DETAILS)
    resolution = resolve_executable(executable, choices, added=added)
    if as_json:
        print_json(document(executable.name, executable.analysis, resolution))
        return
    for line in page(executable.name, executable.analysis, resolution, page_width()):
        click.echo(line, color=None if has_colours() else False)
