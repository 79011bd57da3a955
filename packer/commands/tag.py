"""``whit tag SOURCE TARGET``: one more name for an image."""

from __future__ import annotations

import click


@click.command("tag", short_help="Give an image one more name")
@click.argument("source")
@click.argument("target")
def command(source: str, target: str) -> None:
    """Let TARGET mean the image SOURCE too: a name, an ID or a digest of the store."""
    from whit.packer.image.reference import parse_reference
    from whit.packer.store.store import Store
    from whit.packer.support.errors import UsageError

    reference = parse_reference(target)
    if reference.digest:
        raise UsageError(f"{target} has a digest, and a name that is given has none", hint="write NAME:TAG")
    Store.open().tag(source, reference)
