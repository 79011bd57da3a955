"""``whit wait``: until containers have ended."""

from __future__ import annotations

import click


@click.command()
@click.argument("containers", nargs=-1, required=True, metavar="CONTAINER...")
def command(containers: tuple[str, ...]) -> int:
    """Wait until one or more containers have ended, and print their exit codes."""
    from whit.packer.store.store import Store
    from whit.runtime.engine import ending
    from whit.runtime.engine.folder import Containers
    from whit.runtime.verbs.several import each_at_once

    known = Containers(Store.open().root)
    return each_at_once(containers, lambda name: ending.wait(known.find(name)))
