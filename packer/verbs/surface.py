"""What somebody who has taken over a program could reach: ``whit inspect --surface``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.report.gathering import look
from whit.packer.showing.console import page_width, print_json
from whit.packer.surface.present import page
from whit.packer.surface.report import document

if TYPE_CHECKING:
    from whit.packer.lint.fetch import Layouts
    from whit.packer.resolution.choices import Choices
    from whit.packer.surface.model import Confining


def show_surface(target: str, confining: Confining, choices: Choices, layouts: Layouts, *, as_json: bool) -> None:
    """Show it, of a file or an image; ``confining`` tells whit's own defaults, which the runtime knows."""
    looked = look(target, confining, choices, layouts=layouts)
    if as_json:
        shown = document(looked.compared)
        if looked.analysis is not None and looked.resolution is not None:
            from whit.packer.showing.report import document as whole  # noqa: PLC0415 - of files only

            shown = {**whole(looked.name, looked.analysis, looked.resolution), "surface": shown}
        print_json(shown)
        return
    if looked.analysis is not None and looked.resolution is not None:
        from whit.packer.showing.inspectpage import page as file_page  # noqa: PLC0415 - of files only

        for line in file_page(looked.name, looked.analysis, looked.resolution, page_width()):
            click.echo(line)
        click.echo()
    for line in page(looked.compared, page_width()):
        click.echo(line)
