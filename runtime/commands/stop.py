"""``whit stop``: containers by their own signal, and after a while by SIGKILL."""

from __future__ import annotations

import click


@click.command()
@click.option("-t", "--timeout", "--time", type=int, metavar="SECONDS", help="How long each may take; -1: for ever.")
@click.option("-s", "--signal", metavar="SIGNAL", help="Instead of the container's own.")
@click.argument("containers", nargs=-1, required=True, metavar="CONTAINER...")
def command(timeout: int | None, signal: str | None, containers: tuple[str, ...]) -> int:
    """Stop one or more containers. One that is stopped isn't started again by its restart policy."""
    from whit.runtime.verbs.stop import stop

    return stop(containers, timeout, signal)
