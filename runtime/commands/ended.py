"""``whit _ended FOLDER``: what a container's supervisor has Python do at the end (runtime/launcher/engine_main.c)."""

from __future__ import annotations

import click


@click.command()
@click.argument("folder")
def command(folder: str) -> None:
    """Give back what the container had."""
    from pathlib import Path

    from whit.runtime.engine import lifecycle

    lifecycle.ended(Path(folder))
