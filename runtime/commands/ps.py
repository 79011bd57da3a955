"""``whit ps``: containers, in docker's columns."""

from __future__ import annotations

import click


@click.command()
@click.option("-a", "--all", "everything", is_flag=True, help="Also those that don't run.")
@click.option("-q", "--quiet", is_flag=True, help="Only their IDs.")
@click.option("-n", "--last", type=int, metavar="NUMBER", help="The last NUMBER that were made, running or not.")
@click.option("-l", "--latest", is_flag=True, help="The last one that was made, running or not.")
@click.option("-s", "--size", is_flag=True, help="What each has written to its own layer.")
@click.option("-f", "--filter", "filters", multiple=True, metavar="KEY=VALUE", help="Only those that it is true of.")
@click.option("--no-trunc", is_flag=True, help="Whole IDs and commands.")
@click.option("--format", "form", metavar="FORMAT", help="json, table TEMPLATE or a template (docs/format.md).")
def command(  # noqa: PLR0917 - click's
    everything: bool,
    quiet: bool,
    last: int | None,
    latest: bool,
    size: bool,
    filters: tuple[str, ...],
    no_trunc: bool,
    form: str | None,
) -> None:
    """List the containers that run.

    KEY is id, name, label, status, health, ancestor, exited, network, publish or volume; different keys must all be true.
    """
    from whit.runtime.verbs.ps import ps

    ps(
        everything=everything,
        quiet=quiet,
        # Docker's own default is -1: as many as there are that run.
        last=last if last is not None and last > 0 else 1 if latest and last is None else None,
        size=size,
        filters=filters,
        no_trunc=no_trunc,
        form=form,
    )
