"""``whit system restore``: containers come back after the machine's restart."""

from __future__ import annotations

import click


@click.command("restore", short_help="Start containers again after the machine's restart")
def command() -> int:
    """Start the containers again that are to run always, or unless a person has stopped them.

    For the machine's start ('whit generate systemd' writes a unit); at any other time it only starts what doesn't run.
    """
    from whit.packer.store.store import Store
    from whit.packer.support.errors import in_words
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.restoring import restore

    code = 0
    for one in restore(Containers(Store.open().root)):
        if one.error:
            click.echo(in_words(one.error), err=True, nl=False)
            code = 1
        else:
            click.echo(one.name)
    return code
