"""``whit rmi NAME…``: remove images, or names of them, from the store."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from whit.packer.store.store import Store


@click.command("rmi", short_help="Remove images from the store")
@click.argument("names", nargs=-1, required=True, metavar="NAME|ID…")
@click.option(
    "-f",
    "--force",
    is_flag=True,
    help="Also an image with several names, or that a stopped container has; and no error if there is none.",
)
def command(names: tuple[str, ...], force: bool) -> int:
    """Remove images by name or ID. Their files go at once, unless a container or another whit still needs them."""
    from whit.packer.showing.console import warn
    from whit.packer.store.garbage import collect
    from whit.packer.store.store import Store
    from whit.packer.support.errors import NotFoundError, WhitError

    store = Store.open()
    failed: list[WhitError] = []
    for name in names:
        try:
            _remove(store, name, force)
        except NotFoundError as error:
            if not force:
                failed.append(error)
        except WhitError as error:
            failed.append(error)
    collect(store)
    if not failed:
        return 0
    *others, last = failed
    for other in others:
        warn(other.message, other.hint)
    raise last


def _remove(store: Store, name: str, force: bool) -> None:
    from whit.packer.store.users import check_unused, users
    from whit.packer.support.errors import StoreError

    known = users(store.root)
    if known:
        with contextlib.suppress(StoreError):  # of a damaged image, which may well be removed
            image = store.resolve(name)
            has = sum(reference is not None and found.digest == image.digest for reference, found in store.entries())
            check_unused(name, image, has, known, force=force)
    needed = {user.image_id for user in known}
    removed = store.remove(name, force=force)
    for untagged in removed.untagged:
        click.echo(f"Untagged: {untagged}")
    for deleted in removed.deleted:
        if deleted not in needed:
            click.echo(f"Deleted: {deleted}")
