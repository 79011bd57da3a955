"""``whit rm``: containers, with all that they wrote."""

from __future__ import annotations

import click


@click.command()
@click.option("-f", "--force", is_flag=True, help="Also those that run: they are killed.")
@click.option("-v", "--volumes", is_flag=True, help="With the volumes that were made for it alone.")
@click.argument("containers", nargs=-1, required=True, metavar="CONTAINER...")
def command(force: bool, volumes: bool, containers: tuple[str, ...]) -> int:
    """Remove one or more containers."""
    from whit.runtime.verbs.rm import rm

    return rm(containers, force=force, volumes=volumes)
