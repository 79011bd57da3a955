"""Showing containers, images and networks as docker's JSON, and executables as the packer does."""

from __future__ import annotations

import json

from whit.packer.executable.bundled import names_bundle
from whit.packer.showing.console import complain, json_page, say, show
from whit.packer.store.places import private_root
from whit.packer.store.targets import names_file
from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whit.runtime.engine.folder import Kept
    from whit.runtime.engine.healthlog import Result
    from whit.runtime.engine.networks.model import Network


def inspect(things: tuple[str, ...], form: str | None = None) -> int:
    """Show each, whatever it is."""
    if not is_file(things):
        return show_all(things, None, form)
    if form:
        raise no_form()
    if show_bundle(things[0], as_json=False):
        return 0
    from whit.packer.verbs.inspect import inspect_file  # noqa: PLC0415 - with all that reads executables

    inspect_file(things[0])
    return 0


def is_file(things: tuple[str, ...]) -> bool:
    """Whether they are an executable on disk, of which one is shown at a time."""
    return len(things) == 1 and names_file(things[0])


def show_bundle(path: str, *, as_json: bool) -> bool:
    """Show what a bundle says of what is in it, for people or programs; False for any other file."""
    if not names_bundle(path):
        return False
    from whit.packer.showing.console import put_bytes  # noqa: PLC0415
    from whit.runtime.bundle.reading import opened  # noqa: PLC0415 - few files are one

    with opened(path) as bundle:
        put_bytes(bundle.shown(as_json=as_json).encode())
    return True


def no_form() -> UsageError:
    """What is said where a file is to be shown by a template."""
    return UsageError(
        "--format is for containers, images, networks and volumes; --json for a file", hint="see 'whit inspect --help'"
    )


def show_all(things: tuple[str, ...], kind: str | None, form: str | None) -> int:
    """Show things of a kind, or of any. 1 where one isn't there."""
    template = None
    if form and form != "json":
        from whit.packer.template import parse  # noqa: PLC0415 - not always asked for

        template = parse(form)
    found: list[object] = []
    code, root = 0, private_root()
    for thing in things:
        try:
            found.append(_find(thing, kind, root))
        except NotFoundError as error:
            complain(error)
            code = 1
    if template:
        for document in found:
            show(f"{template.render(document)}\n")
    else:
        say(json_page(found, indent=None if form else 4))
    return code


def _find(thing: str, kind: str | None, root: Path) -> object:
    """The document of whatever has the name first. Raises :class:`NotFoundError`."""
    finders: dict[str, Callable[[str, Path], object]] = {
        "container": _container,
        "image": _image,
        "network": _network,
    }
    if kind is not None:
        if kind not in finders:
            raise UsageError(f"--type {kind}: see 'whit {kind} inspect'")
        return finders[kind](thing, root)
    for finder in finders.values():
        try:
            return finder(thing, root)
        except NotFoundError:
            continue
    raise NotFoundError(
        f"there is no file, container, image or network {thing}",
        hint="'whit ps -a' and 'whit images' list what there is",
    )


def _container(thing: str, root: Path) -> object:
    from whit.runtime.engine.folder import Containers  # noqa: PLC0415 - each kind of thing has its own

    kept = Containers(root).find(thing)
    from whit.runtime.engine import view  # noqa: PLC0415 - it is there
    from whit.runtime.engine.networks.members import read_member  # noqa: PLC0415

    return view.document(
        kept.container,
        kept.status,
        json.loads((kept.folder / "bundle" / "config.json").read_bytes()),
        read_member(root, kept.container.id),
        str(kept.folder),
        _results(kept),
        _known(kept.container.network_names, root),
    )


def _known(names: tuple[str, ...], root: Path) -> list[Network]:
    """Those of these networks that are there still."""
    if not names:
        return []
    from whit.runtime.engine.networks import managing  # noqa: PLC0415 - of no use to what is in none

    return [network for network in managing.every(root) if network.name in names]


def _results(kept: Kept) -> tuple[Result, ...]:
    if not kept.container.probe:
        return ()
    from whit.runtime.engine.healthlog import parse_results  # noqa: PLC0415 - few containers have any

    try:
        return parse_results((kept.folder / "health").read_bytes())
    except FileNotFoundError:
        return ()


def _image(thing: str, root: Path) -> object:
    from whit.packer.showing.imageview import image_document  # noqa: PLC0415 - as above
    from whit.packer.store.store import Store  # noqa: PLC0415

    store = Store.open(root)
    image = store.resolve(thing)
    names = (reference.familiar for reference, found in store.entries() if reference and found.digest == image.digest)
    return image_document(image, names)


def _network(thing: str, root: Path) -> object:
    from whit.runtime.engine.networks import managing, showing  # noqa: PLC0415 - as above

    network = managing.find(root, thing)
    return showing.page(network, managing.members(root, network))
