"""``whit pause``: containers whose processes stand still."""

from __future__ import annotations

import click


@click.command()
@click.argument("containers", nargs=-1, required=True, metavar="CONTAINER...")
def command(containers: tuple[str, ...]) -> int:
    """Let all processes of one or more containers stand still."""
    from whit.packer.store.store import Store
    from whit.runtime.engine import lifecycle
    from whit.runtime.engine.folder import Containers
    from whit.runtime.verbs.several import each

    known = Containers(Store.open().root)
    return each(containers, lambda name: lifecycle.pause(known.find(name)))
