"""Showing several things: what isn't there is told, and doesn't keep the others from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.support.errors import WhitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def show_each(names: Iterable[str], find: Callable[[str], dict[str, object]], form: str | None) -> int:
    """Print what is found of each, as JSON or in a form (docs/format.md). 1 if anything wasn't there."""
    from whit.packer.showing.console import complain, json_page, say, show
    from whit.packer.template import json_text, render_rows

    pages, code = [], 0
    for name in names:
        try:
            pages.append(find(name))
        except WhitError as error:
            complain(error)
            code = 1
    if form == "json":
        click.echo(json_text(pages))
    elif form:
        show(render_rows(form, pages, {}))
    else:
        say(json_page(pages, indent=4))
    return code
