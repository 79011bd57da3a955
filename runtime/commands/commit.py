"""``whit commit``: an image of what a container has changed."""

from __future__ import annotations

import click


@click.command("commit")
@click.option("-a", "--author", default="", metavar="TEXT", help="Who made it.")
@click.option("-m", "--message", default="", metavar="TEXT", help="Why, in the image's history.")
@click.option("-c", "--change", multiple=True, metavar="INSTRUCTION", help='A Dockerfile\'s line: CMD ["/x"], ENV A=b.')
@click.option(
    "-p", "--pause/--no-pause", default=True, help="Let a running container stand still meanwhile.  [default: yes]"
)
@click.argument("container")
@click.argument("name", required=False)
def command(author: str, message: str, change: tuple[str, ...], pause: bool, container: str, name: str | None) -> None:
    """Make an image NAME of a container: its image, what it has changed, and how it is run. Its ID is printed."""
    from whit.packer.image.reference import parse_reference
    from whit.packer.store.store import Store
    from whit.runtime.engine.committing import Wishes, commit
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.within import go_in

    store = Store.open()
    kept = Containers(store.root).find(container)
    go_in(kept)
    wishes = Wishes(parse_reference(name) if name else None, author, message, change, pause)
    click.echo(commit(store, kept, wishes))
