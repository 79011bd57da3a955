"""``whit rmi NAME…``: remove images, or names of them, from the store."""

from __future__ import annotations

import click


@click.command("rmi", short_help="Remove images from the store")
@click.argument("names", nargs=-1, required=True, metavar="NAME|ID…")
@click.option(
    "-f", "--force", is_flag=True, help="By ID, also an image with several names; and no error if there is none."
)
def command(names: tuple[str, ...], force: bool) -> int:
    """Remove images by name or ID. Their files go at once, unless a container or another whit still uses them."""
    from whit.packer.console import warn
    from whit.packer.errors import NotFoundError
    from whit.packer.garbage import collect
    from whit.packer.store import Store

    store = Store.open()
    missing: list[NotFoundError] = []
    for name in names:
        try:
            removed = store.remove(name, force=force)
        except NotFoundError as error:
            missing.append(error)
            continue
        for untagged in removed.untagged:
            click.echo(f"Untagged: {untagged}")
        for deleted in removed.deleted:
            click.echo(f"Deleted: {deleted}")
    collect(store)
    if not missing or force:
        return 0
    *others, last = missing
    for absent in others:
        warn(absent.message, absent.hint)
    raise last
