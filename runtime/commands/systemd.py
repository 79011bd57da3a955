"""``whit generate systemd``: units that start containers with the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.units import Where


@click.command("systemd", short_help="Write units for systemd")
@click.option("-n", "--name", "by_name", is_flag=True, help="Call containers by their names instead of their IDs.")
@click.option("-f", "--files", is_flag=True, help="Write the units to this folder, and print the files' names.")
@click.option(
    "-t",
    "--stop-timeout",
    "seconds",
    type=click.IntRange(0),
    metavar="SECONDS",
    help="How long a container may take to stop.",
)
@click.argument("containers", nargs=-1, metavar="[CONTAINER...]")
def command(by_name: bool, files: bool, seconds: int | None, containers: tuple[str, ...]) -> None:
    """Print a unit for each CONTAINER, or one that brings back all containers that are to run after the machine's start.

    A container that has a unit of its own needs no policy: --restart always would have both start it.
    """
    from pathlib import Path

    from whit.packer.store.store import Store
    from whit.packer.support import durable
    from whit.runtime.engine import units
    from whit.runtime.engine.folder import Containers

    known = Containers(Store.open().root)
    where = _where(known)
    if containers:
        made = list(_units(known, where, containers, by_name, seconds))
    else:
        made = [(units.RESTORE, units.restore_unit(where, [kept.container for kept in known.list()]))]
    for name, text in made:
        if files:
            place = Path.cwd() / f"{name}.service"
            with durable.output_errors(place):
                durable.write_whole(place, text.encode(), private=False)
            click.echo(place)
        else:
            click.echo(f"# {name}.service\n{text}", nl=False)


def _where(known: Containers) -> Where:
    import os

    from whit.runtime.engine.units import Where
    from whit.runtime.launch import find_launcher

    return Where(str(find_launcher().absolute()), str(known.root), not os.environ.get("WHIT_ROOT"), os.geteuid() == 0)


def _units(
    known: Containers, where: Where, names: tuple[str, ...], by_name: bool, seconds: int | None
) -> Iterator[tuple[str, str]]:
    from whit.runtime.engine import units
    from whit.runtime.engine.restoring import needs

    for name in names:
        container = known.find(name).container
        others = [known.read(other).container for other in dict.fromkeys(needs(known, container))]
        needed = [units.unit_name(other, by_name=by_name) for other in others]
        yield (
            units.unit_name(container, by_name=by_name),
            units.container_unit(where, container, needed, by_name=by_name, seconds=seconds),
        )
