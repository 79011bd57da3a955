"""``whit _step DESCRIPTOR``: one RUN of a build, whose order is on standard input (runtime/building/runner.py)."""

from __future__ import annotations

import click


@click.command()
@click.argument("result", type=int)
def command(result: int) -> None:
    """Run it."""
    import sys

    from whit.runtime.building.child import run
    from whit.runtime.building.wire import decode

    run(decode(sys.stdin.buffer.read()), result)
