"""``whit ps``: containers, in docker's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.engine.folder import Containers, Kept
    from whit.runtime.engine.status import Status


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
    import time

    from whit.packer.store import Store
    from whit.packer.template import render_rows
    from whit.runtime.engine import view
    from whit.runtime.engine.filtering import parse_filters
    from whit.runtime.engine.folder import Containers

    wanted = parse_filters(filters)
    containers = Containers(Store.open().root)
    most = 1 if latest else last
    shown = list(_chosen(containers, everything=everything or most is not None or wanted.looks_further))
    now = time.time_ns()
    rows = []
    for kept, status in shown if most is None else shown[: max(most, 0)]:
        ports = containers.published(kept) if status.is_running else ()
        if not wanted.takes(kept.container, status, ports):
            continue
        used = containers.size_text(kept) if size else ""
        rows.append(view.row(kept.container, status, ports, now, whole=no_trunc, size=used))
    if quiet:
        for row in rows:
            click.echo(row["ID"])
        return
    table = view.TABLE_WITH_SIZE if size else view.TABLE
    click.echo(render_rows(form or table, rows, view.HEADERS, view.METHODS, usual=table), nl=False, color=True)


def _chosen(containers: Containers, *, everything: bool) -> Iterator[tuple[Kept, Status]]:
    for kept in containers.list():
        status = kept.status
        if everything or status.is_up:
            yield kept, status
