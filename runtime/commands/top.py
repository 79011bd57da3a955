"""``whit top``: the processes of a container, as the host's ps shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from whit.runtime.engine.folder import Kept

_LEAST = 20
"""How wide docker's columns are at least."""


@click.command(context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})
@click.argument("container")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[PS OPTIONS]")
def command(container: str, options: tuple[str, ...]) -> None:
    """Show the processes of a CONTAINER that runs; the numbers are the host's. PS OPTIONS are ps(1)'s, -ef unless given."""
    from whit.packer.showing.tabular import aligned
    from whit.packer.store.places import private_root
    from whit.runtime.engine.folder import Containers

    rows = rows_of(Containers(private_root()).find(container), options)
    click.echo(aligned("\n".join("\t".join(row) for row in rows), _LEAST))


def rows_of(kept: Kept, options: tuple[str, ...] = ()) -> list[list[str]]:
    """What ps says of a container's processes, its headers first. Raises :class:`WhitError`."""
    from whit.runtime.engine.ending import not_running
    from whit.runtime.oci.listing import processes, ps_lines
    from whit.runtime.oci.state import Container

    if not kept.status.is_running:
        raise not_running(kept)
    pids = processes(Container(kept.container.id, kept.records / kept.container.id))
    head, *lines = ps_lines(pids, options, selected=True)
    # As docker reads it: a column's words are parted by spaces, and what is left over belongs to the last one.
    most = len(head.split()) - 1
    return [head.split(), *(line.split(maxsplit=most) for line in lines)]
