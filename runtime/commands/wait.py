"""``whit wait``: until containers have ended."""

from __future__ import annotations

import click


@click.command()
@click.argument("containers", nargs=-1, required=True, metavar="CONTAINER...")
def command(containers: tuple[str, ...]) -> int:
    """Wait until one or more containers have ended, and print their exit codes."""
    from whit.runtime.verbs.wait import wait

    return wait(containers)
