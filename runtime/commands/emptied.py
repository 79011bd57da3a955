"""``whit _emptied FOLDER``: remove what a container has written, as the root of its users (runtime/engine/within.py)."""

from __future__ import annotations

import click


@click.command()
@click.argument("folder")
def command(folder: str) -> None:
    """Empty its layer."""
    from pathlib import Path

    from whit.packer.support.durable import remove_tree

    for name in ("upper", "work"):
        remove_tree(Path(folder) / name)
