"""``whit rename``: another name for a container."""

from __future__ import annotations

import click


@click.command()
@click.argument("container")
@click.argument("name")
def command(container: str, name: str) -> None:
    """Give a CONTAINER another NAME."""
    from whit.packer.store.store import Store
    from whit.runtime.engine import membership
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.names import check_name

    known = Containers(Store.open().root)
    membership.rename(known, known.find(container), check_name(name))
