"""``whit rm``: containers, with all that they wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from whit.runtime.engine.folder import Kept


@click.command()
@click.option("-f", "--force", is_flag=True, help="Also those that run: they are killed.")
@click.option("-v", "--volumes", is_flag=True, help="With the volumes that were made for it alone.")
@click.argument("containers", nargs=-1, required=True, metavar="CONTAINER...")
def command(force: bool, volumes: bool, containers: tuple[str, ...]) -> int:
    """Remove one or more containers."""
    from whit.packer.errors import InvalidFileError, NotFoundError
    from whit.packer.store import Store
    from whit.runtime.commands.several import each
    from whit.runtime.engine import lifecycle
    from whit.runtime.engine.folder import Containers

    known = Containers(Store.open().root)

    def find(name: str) -> Kept:
        try:
            return known.find(name)
        except InvalidFileError:
            if not force:
                raise
            return known.find_damaged(name)

    def remove(name: str) -> None:
        try:
            lifecycle.remove(known, find(name), force=force, volumes=volumes)
        except NotFoundError:
            # It may have gone by itself just now.
            if not force:
                raise

    return each(containers, remove)
