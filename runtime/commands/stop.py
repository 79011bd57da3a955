"""``whit stop``: containers by their own signal, and after a while by SIGKILL."""

from __future__ import annotations

import click


@click.command()
@click.option("-t", "--timeout", "--time", type=int, metavar="SECONDS", help="How long each may take; -1: for ever.")
@click.option("-s", "--signal", metavar="SIGNAL", help="Instead of the container's own.")
@click.argument("containers", nargs=-1, required=True, metavar="CONTAINER...")
def command(timeout: int | None, signal: str | None, containers: tuple[str, ...]) -> int:
    """Stop one or more containers. One that is stopped isn't started again by its restart policy."""
    from whit.packer.store import Store
    from whit.runtime.commands.several import each
    from whit.runtime.engine import lifecycle
    from whit.runtime.engine.asked import parse_signal
    from whit.runtime.engine.folder import Containers

    known = Containers(Store.open().root)
    number = parse_signal(signal) if signal else None
    seconds = None if timeout is None else max(timeout, -1)
    return each(containers, lambda name: lifecycle.stop(known.find(name), seconds, number))
