"""``whit restart``: stop and start."""

from __future__ import annotations

import click


@click.command()
@click.option(
    "-t", "--timeout", "--time", type=int, metavar="SECONDS", help="How long each may take to stop; -1: for ever."
)
@click.option("-s", "--signal", metavar="SIGNAL", help="Instead of the container's own.")
@click.argument("containers", nargs=-1, required=True, metavar="CONTAINER...")
def command(timeout: int | None, signal: str | None, containers: tuple[str, ...]) -> int:
    """Stop one or more containers, and start them again; those that don't run are started."""
    from whit.packer.store.store import Store
    from whit.packer.support.signals import parse_signal
    from whit.runtime.engine import lifecycle
    from whit.runtime.engine.folder import Containers
    from whit.runtime.verbs.several import each

    known = Containers(Store.open().root)
    number = parse_signal(signal) if signal else None
    seconds = None if timeout is None else max(timeout, -1)
    return each(containers, lambda name: lifecycle.restart(known, known.find(name), seconds, number))
