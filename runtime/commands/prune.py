"""``whit container prune``, ``image prune`` and ``system prune``: what isn't used goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.store.store import Store
    from whit.runtime.engine.pruning import Chosen, PrunedImages
    from whit.runtime.engine.volumeform import Volume

_FORCE: dict[str, Any] = {"is_flag": True, "help": "Don't ask."}
_FILTER: dict[str, Any] = {
    "multiple": True,
    "metavar": "NAME=VALUE",
    "help": "until=TIME, label=NAME[=VALUE], label!=…",
}


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--filter", "filters", **_FILTER)(function)
    return click.option("-f", "--force", **_FORCE)(function)


def _reclaimed(size: int) -> None:
    from whit.packer.showing.console import human_size

    click.echo(f"Total reclaimed space: {human_size(size)}")


@click.command("prune", short_help="Remove all containers that don't run")
@_options
def container(force: bool, filters: tuple[str, ...]) -> None:
    """Remove all containers that don't run, with what they have written."""
    from whit.packer.store.store import Store
    from whit.runtime.commands.asking import is_sure
    from whit.runtime.engine.pruning import parse_chosen

    chosen = parse_chosen(filters)
    if force or is_sure("This will remove all stopped containers.", "container prune"):
        _reclaimed(_containers(Store.open(), chosen))


def _containers(store: Store, chosen: Chosen) -> int:
    """Bytes that are free now."""
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.pruning import prune_containers

    total, title = 0, "Deleted Containers:\n"
    for container_id, size in prune_containers(Containers(store.root), chosen):
        click.echo(f"{title}{container_id}")
        total, title = total + size, ""
    if not title:
        click.echo()
    return total


@click.command("prune", short_help="Remove unused images")
@click.option(
    "-a", "--all", "everything", is_flag=True, help="Also images that have a name, if no container needs them."
)
@_options
def image(everything: bool, force: bool, filters: tuple[str, ...]) -> None:
    """Remove images without a name, and with --all every one that no container needs."""
    from whit.packer.store.store import Store
    from whit.runtime.commands.asking import is_sure
    from whit.runtime.engine.pruning import parse_chosen, prune_images

    chosen = parse_chosen(filters, more=("dangling",))
    everything = everything or bool({"dangling=false", "dangling=0"} & set(filters))
    which = "images without at least one container associated to them" if everything else "dangling images"
    if force or is_sure(f"This will remove all {which}.", "image prune"):
        pruned = prune_images(Store.open(), chosen, everything=everything)
        _show_images(pruned)
        _reclaimed(pruned.size)


def _show_images(pruned: PrunedImages) -> None:
    if pruned.removed:
        click.echo("Deleted Images:")
        for removed in pruned.removed:
            for untagged in removed.untagged:
                click.echo(f"untagged: {untagged}")
            for deleted in removed.deleted:
                click.echo(f"deleted: {deleted}")
        click.echo()


@click.command("prune", short_help="Remove what isn't used")
@click.option(
    "-a", "--all", "everything", is_flag=True, help="Also images that have a name, if no container needs them."
)
@click.option("--volumes", is_flag=True, help="Also anonymous volumes that no container has.")
@_options
def system(everything: bool, volumes: bool, force: bool, filters: tuple[str, ...]) -> None:
    """Remove containers that don't run, networks that no container is in, images without a name, and answers that are kept.

    With --all toolchains that whit has fetched go, too; else only those of which it has fetched a newer version since.
    """
    from whit.packer.store.store import Store
    from whit.runtime.commands.asking import is_sure
    from whit.runtime.engine.pruning import forget_answers, parse_chosen, prune_images

    chosen = parse_chosen(filters)
    if volumes and chosen.until:
        raise click.UsageError("--filter until= can't be used with --volumes: a volume has no age that matters")
    store = Store.open()
    if not (
        force or is_sure(_warning(everything, volumes, filters, _warned(store, everything=everything)), "system prune")
    ):
        return
    size = _containers(store, chosen)
    _networks(store, chosen)
    if volumes:
        size += _volumes(store, chosen)
    pruned = prune_images(store, chosen, everything=everything)
    _show_images(pruned)
    size += _toolchains(store, chosen, everything=everything)
    _reclaimed(size + pruned.size + forget_answers(store))


@click.command("prune", short_help="Remove what builds keep")
@click.option("-a", "--all", "everything", is_flag=True, help="Also toolchains that whit has fetched.")
@click.option("--filter", "filters", multiple=True, metavar="until=TIME", help="What was last used before then.")
@click.option("-f", "--force", **_FORCE)
def builder(everything: bool, filters: tuple[str, ...], force: bool) -> None:
    """Remove the steps that builds keep, so that they needn't be done again, and the caches of RUN.

    A build that runs meanwhile keeps what it uses.
    """
    from whit.packer.store.store import Store
    from whit.runtime.commands.asking import is_sure
    from whit.runtime.engine.ages import SECOND
    from whit.runtime.engine.diskusage import build_size
    from whit.runtime.engine.pruning import forget_steps, parse_chosen

    chosen = parse_chosen(filters)
    until = chosen.until
    if force or is_sure("This will remove all build cache.", "builder prune"):
        store = Store.open()
        before = build_size(store)
        forget_steps(store, min(until) / SECOND if until else None)
        size = max(before - build_size(store), 0)
        _reclaimed(size + _toolchains(store, chosen, everything=everything))


def _warned(store: Store, *, everything: bool) -> list[str]:
    """Of toolchains only where there are such: whoever has none is asked what docker asks."""
    from whit.packer.store.fetched import fetched_folder, fetched_in

    there = fetched_in(fetched_folder(store))
    if everything and there:
        return ["all toolchains that whit has fetched"]
    return [] if all(one.is_newest for one in there) else ["fetched toolchains that are superseded"]


def _warning(everything: bool, volumes: bool, filters: tuple[str, ...], toolchains: list[str]) -> str:
    lines = ["all stopped containers", "all networks not used by at least one container"]
    if volumes:
        lines.append("all anonymous volumes not used by at least one container")
    lines.append(
        "all images without at least one container associated to them" if everything else "all dangling images"
    )
    lines.append("unused build cache")
    lines += toolchains
    text = "This will remove:\n" + "\n".join(f"  - {line}" for line in lines) + "\n"
    if filters:
        text += "\n  Items to be pruned will be filtered with:\n" + "\n".join(f"  - {one}" for one in filters) + "\n"
    return text


def _networks(store: Store, chosen: Chosen) -> None:
    from datetime import datetime

    from whit.runtime.engine.ages import SECOND
    from whit.runtime.engine.networks import managing

    gone = managing.prune(
        store.root,
        lambda network: chosen.takes(
            int(datetime.fromisoformat(network.created).timestamp()) * SECOND, dict(network.labels)
        ),
    )
    if gone:
        click.echo("Deleted Networks:\n" + "\n".join(gone) + "\n")


def _toolchains(store: Store, chosen: Chosen, *, everything: bool) -> int:
    from whit.runtime.engine.pruning import forget_toolchains

    gone, size = forget_toolchains(store, chosen, everything=everything)
    if gone:
        click.echo("Deleted Toolchains:\n" + "\n".join(f"{one.name} {one.version}" for one in gone) + "\n")
    return size


def _volumes(store: Store, chosen: Chosen) -> int:
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.volumes import Volumes

    def wanted(volume: Volume) -> bool:
        return volume.is_anonymous and chosen.takes(0, dict(volume.labels))

    gone, size = Volumes(store.root).prune(Containers(store.root).list, wanted)
    if gone:
        click.echo("Deleted Volumes:\n" + "\n".join(gone) + "\n")
    return size
