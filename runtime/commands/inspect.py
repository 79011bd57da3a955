"""``whit inspect``: containers, images and volumes as docker's JSON; an executable as the packer tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from whit.packer.commands.inspect import command as inspect_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.store.store import Store
    from whit.runtime.engine.folder import Kept
    from whit.runtime.engine.healthlog import Result
    from whit.runtime.engine.networks.model import Network

KINDS = ("file", "container", "image", "network", "volume")


@click.pass_context
def _inspect(
    context: click.Context,
    /,
    things: tuple[str, ...],
    kind: str | None,
    form: str | None,
    **words: Any,  # noqa: ANN401 - the packer's
) -> int:
    """Show what a THING is: an executable's format, language and needs, with the evidence; or a container, image, network or volume.

    A file is only read, never run. What isn't a path and names no file is looked for among the others, in this order.
    """
    from whit.packer.store.store import Store, names_file

    if kind == "file" or (kind is None and len(things) == 1 and names_file(things[0])):
        if form:
            raise click.UsageError("--format is for containers, images, networks and volumes; --json for a file")
        context.invoke(inspect_file, file=things[0], **words)
        return 0
    return _show(things, kind, form, Store.open())


command = click.Command(
    "inspect",
    callback=_inspect,
    help=_inspect.__doc__,
    params=[
        click.Argument(["things"], nargs=-1, required=True, metavar="THING..."),
        click.Option(["--type", "kind"], type=click.Choice(KINDS), help="What kind of thing it is."),
        click.Option(["-f", "--format", "form"], metavar="FORMAT", help="A template (docs/format.md) instead of JSON."),
        *(param for param in inspect_file.params if isinstance(param, click.Option)),
    ],
)


def _of(kind: str) -> click.Command:
    """``inspect`` of one kind of thing."""

    @click.command("inspect", short_help=f"Show {kind}s in full")
    @click.option("-f", "--format", "form", metavar="FORMAT", help="A template (docs/format.md) instead of JSON.")
    @click.argument("things", nargs=-1, required=True, metavar=f"{kind.upper()}...")
    def inspect(form: str | None, things: tuple[str, ...]) -> int:
        from whit.packer.store.store import Store

        return _show(things, kind, form, Store.open())

    inspect.help = f"Show {kind}s in full, as docker's JSON."
    return inspect


container, image = _of("container"), _of("image")


def _show(things: tuple[str, ...], kind: str | None, form: str | None, store: Store) -> int:
    from whit.packer.showing.console import complain, json_page, say, show
    from whit.packer.support.errors import NotFoundError
    from whit.packer.template import parse

    template = parse(form) if form and form != "json" else None
    found: list[object] = []
    code = 0
    for thing in things:
        try:
            found.append(_find(thing, kind, store))
        except NotFoundError as error:
            complain(error)
            code = 1
    if template:
        for document in found:
            show(f"{template.render(document)}\n")
    else:
        say(json_page(found, indent=None if form else 4))
    return code


def _find(thing: str, kind: str | None, store: Store) -> object:
    """The document of whatever has the name first. Raises :class:`NotFoundError`."""
    import contextlib

    from whit.packer.support.errors import NotFoundError, UsageError

    finders: dict[str, Callable[[str, Store], object]] = {
        "container": _container,
        "image": _image,
        "network": _network,
    }
    if kind is not None:
        if kind not in finders:
            raise UsageError(f"--type {kind}: see 'whit {kind} inspect'")
        return finders[kind](thing, store)
    for finder in finders.values():
        with contextlib.suppress(NotFoundError):
            return finder(thing, store)
    raise NotFoundError(
        f"there is no file, container, image or network {thing}",
        hint="'whit ps -a' and 'whit images' list what there is",
    )


def _container(thing: str, store: Store) -> object:
    import json

    from whit.runtime.engine import view
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.networks.members import read_member

    containers = Containers(store.root)
    kept = containers.find(thing)
    return view.document(
        kept.container,
        kept.status,
        json.loads((kept.folder / "bundle" / "config.json").read_bytes()),
        read_member(store.root, kept.container.id),
        str(kept.folder),
        _results(kept),
        _known(kept.container.network_names, store),
    )


def _known(names: tuple[str, ...], store: Store) -> list[Network]:
    """Those of these networks that are there still."""
    from whit.runtime.engine.networks import managing

    return [network for network in managing.every(store.root) if network.name in names]


def _results(kept: Kept) -> tuple[Result, ...]:
    from whit.runtime.engine.healthlog import parse_results

    try:
        return parse_results((kept.folder / "health").read_bytes()) if kept.container.probe else ()
    except FileNotFoundError:
        return ()


def _image(thing: str, store: Store) -> object:
    from whit.packer.showing.imageview import image_document

    image = store.resolve(thing)
    names = (reference.familiar for reference, found in store.entries() if reference and found.digest == image.digest)
    return image_document(image, names)


def _network(thing: str, store: Store) -> object:
    from whit.runtime.engine.networks import managing, showing

    network = managing.find(store.root, thing)
    return showing.page(network, managing.members(store.root, network))
