"""``whit rename``: another name for a container."""

from __future__ import annotations

import click


@click.command()
@click.argument("container")
@click.argument("name")
def command(container: str, name: str) -> None:
    """Give a CONTAINER another NAME."""
    from whit.packer.store.store import Store
    from whit.packer.support.errors import WhitError
    from whit.runtime.engine import membership
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.names import check_name

    known = Containers(Store.open().root)
    kept = known.find(container)
    if check_name(name) == kept.container.name:
        raise WhitError("Renaming a container with the same name as its current name", hint="give another one")
    membership.rename(known, kept, name)
