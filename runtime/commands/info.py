"""``whit info``: the machine, the store and what is in it."""

from __future__ import annotations

import click


@click.command("info", short_help="Show the machine, the store and what is in it")
@click.option("-f", "--format", "form", metavar="FORMAT", help="json, or a template (docs/format.md).")
def command(form: str | None) -> None:
    """Show what whit finds here: the machine, its limits and confinement, the store, how many containers and images."""
    from whit.packer.store.store import Store
    from whit.packer.template import json_text, parse
    from whit.runtime.engine.machineinfo import info, text

    found = info(Store.open())
    if form == "json":
        click.echo(json_text(found))
    else:
        click.echo(parse(form).render(found) if form else text(found))
