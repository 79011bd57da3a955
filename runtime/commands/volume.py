"""``whit volume``: folders that containers share and that outlive them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.runtime.engine.folder import Kept
    from whit.runtime.engine.volumeform import Volume
    from whit.runtime.engine.volumes import Volumes


@click.group("volume", short_help="Manage volumes", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Volumes of containers: folders of the store's own (docs/volumes.md)."""


def _volumes() -> Volumes:
    from whit.packer.store.store import Store
    from whit.runtime.engine.volumes import Volumes

    return Volumes(Store.open().root)


def _users(volumes: Volumes) -> Iterable[Kept]:
    from whit.runtime.engine.folder import Containers

    return Containers(volumes.root).list()


def _used(volumes: Volumes) -> set[str]:
    from whit.runtime.engine.volumes import names_in

    return {name for kept in _users(volumes) for name in names_in(kept)}


@command.command("create", short_help="Make a volume")
@click.argument("name", required=False)
@click.option("-d", "--driver", default="local", metavar="DRIVER", help="local; there is no other.")
@click.option("--label", multiple=True, metavar="NAME=VALUE", help="A label of the volume's.")
@click.option("-o", "--opt", multiple=True, metavar="NAME=VALUE", help="type=, device=, o=: what is mounted instead.")
def create(name: str | None, driver: str, label: tuple[str, ...], opt: tuple[str, ...]) -> None:
    """Make a volume, unless it is there, and print its name."""
    from whit.packer.support.errors import UsageError
    from whit.runtime.engine.asked import parse_labels
    from whit.runtime.engine.mounting import LOCAL, check_volume_name
    from whit.runtime.engine.volumeform import parse_options
    from whit.runtime.engine.volumes import anonymous_name, new_volume

    if driver != LOCAL:
        raise UsageError(f"there is no driver '{driver}'", hint="there is local alone")
    wanted = check_volume_name(name) if name else anonymous_name()
    volumes = _volumes()
    with volumes.using():
        made = volumes.make(new_volume(wanted, parse_options(opt), parse_labels(label, ()), is_anonymous=not name))
    click.echo(made.name)


@command.command("ls", short_help="List volumes")
@click.option("-q", "--quiet", is_flag=True, help="Only the names.")
@click.option("-f", "--filter", "filters", multiple=True, metavar="NAME=VALUE", help="dangling, driver, label, name.")
@click.option("--format", "form", metavar="FORMAT", help="json, or a template (docs/format.md).")
def ls(quiet: bool, filters: tuple[str, ...], form: str | None) -> None:
    """List the volumes."""
    from whit.packer.showing.console import show
    from whit.packer.template import render_rows
    from whit.runtime.engine import volumeform

    volumes = _volumes()
    used = _used(volumes) if any(text.startswith("dangling") for text in filters) else set()
    chosen = volumeform.chooser(filters, lambda volume: volume.name in used)
    rows = [volumeform.row(volume, str(volumes.data(volume.name))) for volume in volumes.every() if chosen(volume)]
    shown = "{{.Name}}" if quiet and not form else form or volumeform.TABLE
    show(render_rows(volumeform.TABLE if shown == "table" else shown, rows, volumeform.HEADERS))


@command.command("inspect", short_help="Show volumes in full")
@click.argument("names", nargs=-1, required=True, metavar="VOLUME...")
@click.option("-f", "--format", "form", metavar="FORMAT", help="json, or a template (docs/format.md).")
def inspect(names: tuple[str, ...], form: str | None) -> int:
    """Show volumes as JSON in docker's form."""
    from whit.runtime.commands.several import show_each
    from whit.runtime.engine import volumeform

    volumes = _volumes()
    return show_each(names, lambda name: volumeform.page(volumes.find(name), str(volumes.data(name))), form)


@command.command("rm", short_help="Remove volumes")
@click.argument("names", nargs=-1, required=True, metavar="VOLUME...")
@click.option("-f", "--force", is_flag=True, help="It is no error if there is none of that name.")
def rm(names: tuple[str, ...], force: bool) -> int:
    """Remove volumes that no container has, with all that is in them."""
    from whit.packer.support.errors import NotFoundError
    from whit.runtime.verbs.several import each

    volumes = _volumes()

    def remove(name: str) -> None:
        try:
            volumes.remove(name, lambda: _users(volumes))
        except NotFoundError:
            if not force:
                raise

    return each(names, remove)


@command.command("prune", short_help="Remove unused volumes")
@click.option("-a", "--all", "everything", is_flag=True, help="Also those that have a name of their own.")
@click.option("-f", "--force", is_flag=True, help="Don't ask.")
@click.option("--filter", "filters", multiple=True, metavar="NAME=VALUE", help="label=NAME[=VALUE], all=true.")
def prune(everything: bool, force: bool, filters: tuple[str, ...]) -> None:
    """Remove all anonymous volumes that no container has."""
    from whit.packer.showing.console import human_size
    from whit.runtime.commands.asking import is_sure
    from whit.runtime.engine import volumeform

    everything = everything or bool({"all=true", "all=1"} & set(filters))
    chosen = volumeform.chooser([text for text in filters if not text.startswith("all=")], lambda _: False)
    which = "all local volumes" if everything else "anonymous local volumes"
    if not (force or is_sure(f"This will remove {which} not used by at least one container.", "volume prune")):
        return

    def wanted(volume: Volume) -> bool:
        return chosen(volume) and (everything or volume.is_anonymous)

    volumes = _volumes()
    gone, size = volumes.prune(lambda: _users(volumes), wanted)
    if gone:
        click.echo("Deleted Volumes:\n" + "\n".join(gone) + "\n")
    click.echo(f"Total reclaimed space: {human_size(size)}")
