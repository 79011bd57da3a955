"""``whit diff``: what a container has changed."""

from __future__ import annotations

import click


@click.command("diff")
@click.argument("container")
def command(container: str) -> None:
    """Show what a container has added (A), changed (C) and deleted (D) in its root."""
    import os

    from whit.packer.store.store import Store
    from whit.runtime.engine.changes import changes
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.within import go_in

    kept = Containers(Store.open().root).find(container)
    go_in(kept)
    if kept.container.root.is_writable:
        for kind, path in changes(kept.folder / "upper", kept.container.root.rootfs):
            click.echo(f"{kind} {os.fsdecode(path)}")
