"""``whit kill``: a signal to containers."""

from __future__ import annotations

import click


@click.command()
@click.option("-s", "--signal", default="KILL", show_default=True, metavar="SIGNAL", help="Its name or number.")
@click.argument("containers", nargs=-1, required=True, metavar="CONTAINER...")
def command(signal: str, containers: tuple[str, ...]) -> int:
    """Send a signal to one or more containers that run."""
    from whit.runtime.verbs.kill import kill

    return kill(containers, signal=signal)
