"""``whit kill``: a signal to containers."""

from __future__ import annotations

import click


@click.command()
@click.option("-s", "--signal", default="KILL", show_default=True, metavar="SIGNAL", help="Its name or number.")
@click.argument("containers", nargs=-1, required=True, metavar="CONTAINER...")
def command(signal: str, containers: tuple[str, ...]) -> int:
    """Send a signal to one or more containers that run."""
    from whit.packer.store.store import Store
    from whit.packer.support.signals import parse_signal
    from whit.runtime.engine import ending
    from whit.runtime.engine.folder import Containers
    from whit.runtime.verbs.several import each

    known = Containers(Store.open().root)
    number = parse_signal(signal)
    return each(containers, lambda name: ending.kill(known.find(name), number))
