"""``whit toolchains``: which compilers are here, and how to get those that aren't."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from whit.packer.store.store import Store
    from whit.toolchains.listing import Listed


@click.command("toolchains", short_help="List the compilers that whit build takes for sources")
@click.option(
    "--fetch", metavar="NAME", help="Bring one from PyPI into whit's own folder, in the version that whit knows."
)
@click.option("--remove", metavar="NAME", help="Remove what whit has fetched of it, in all versions.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/toolchains.md) instead of a table.")
def command(fetch: str | None, remove: str | None, as_json: bool) -> None:
    """List the compilers that whit build takes for sources: where each is, its version, what it builds for."""
    from whit.packer.showing.console import print_json
    from whit.packer.store.fetched import fetched_folder
    from whit.packer.store.store import Store
    from whit.packer.support.errors import UsageError
    from whit.toolchains.commands.watching import fetcher
    from whit.toolchains.listing import listed

    if fetch and remove:
        raise UsageError("--fetch and --remove contradict each other", hint="leave one of them out")
    store = Store.open()
    folder = fetched_folder(store)
    if fetch:
        fetcher(folder).fetch(fetch)
    if remove:
        _remove(store, remove)
    found = listed(folder)
    if as_json:
        print_json({"schema": "whit-toolchains/1", "toolchains": [_document(one) for one in found]})
        return
    _show(found)


def _remove(store: Store, name: str) -> None:
    from whit.packer.store.fetched import fetched_folder, fetched_in, remove_fetched
    from whit.packer.support.errors import NotFoundError, StoreError

    there = [one for one in fetched_in(fetched_folder(store)) if one.name == name]
    if not there:
        raise NotFoundError(
            f"whit has fetched no {name}", hint="what comes from elsewhere is removed where it came from"
        )
    if not remove_fetched(store, there):
        raise StoreError(f"{name} isn't removed while something is being built", hint="try again when that is done")


def _show(found: tuple[Listed, ...]) -> None:
    from whit.packer.showing.console import page_width
    from whit.packer.showing.present import columns

    rows = [("TOOL", "VERSION", "FROM", "BUILDS FOR")]
    rows += [
        (one.name, one.tool.version, one.tool.path, one.builds_for)
        if one.tool
        else (one.name, "-", "-", one.cure or "-")
        for one in found
    ]
    for line in columns(rows, indent="", width=page_width()):
        click.echo(line)


def _document(one: Listed) -> dict[str, object]:
    tool = one.tool
    return {
        "name": one.name,
        "version": tool.version if tool else None,
        "path": tool.path if tool else None,
        "source": tool.source if tool else None,
        "platforms": list(one.platforms),
        "missing": None if tool else one.cure,
    }
