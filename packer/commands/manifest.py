"""``whit manifest``: indexes of images for several platforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.commands.registry_options import insecure_option

if TYPE_CHECKING:
    from whit.packer.image.platform import Platform


@click.group(
    "manifest", short_help="Manage indexes of images", context_settings={"help_option_names": ["-h", "--help"]}
)
def command() -> None:
    """Indexes: one name for images of several platforms. They are in the store, as images are."""


@command.command("create", short_help="Make an index of images")
@click.option("-a", "--amend", is_flag=True, help="Add to an index that is there.")
@click.argument("name", metavar="INDEX")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE…")
def create(amend: bool, name: str, images: tuple[str, ...]) -> None:
    """Make an index of images of the store, and print its name. Of two for one platform the later one counts."""
    from whit.packer.image.indexing import create as create_index
    from whit.packer.image.reference import parse_reference
    from whit.packer.store.store import Store

    reference = parse_reference(name)
    create_index(Store.open(), reference, images, amend=amend)
    click.echo(f"Created manifest list {reference}")


@command.command("annotate", short_help="Change what an index says of an image")
@click.option("--os", "system", metavar="OS", help="Its operating system.")
@click.option("--arch", metavar="ARCH", help="Its architecture.")
@click.option("--variant", metavar="VARIANT", help="The architecture's variant.")
@click.argument("name", metavar="INDEX")
@click.argument("image")
def annotate(system: str | None, arch: str | None, variant: str | None, name: str, image: str) -> None:
    """Change which platform INDEX says IMAGE is for."""
    from dataclasses import replace

    from whit.packer.image.indexing import annotate as annotate_index
    from whit.packer.image.platform import parse_platform
    from whit.packer.image.reference import parse_reference
    from whit.packer.store.store import Store
    from whit.packer.support.errors import UsageError

    if not (system or arch or variant):
        raise UsageError("there is nothing to change", hint="give --os, --arch or --variant")

    def changed(platform: Platform) -> Platform:
        found = replace(
            platform,
            os=system or platform.os,
            architecture=arch or platform.architecture,
            variant=variant or (None if arch else platform.variant),
        )
        return parse_platform(str(found))

    annotate_index(Store.open(), parse_reference(name), image, changed)


@command.command("inspect", short_help="Show a manifest or an index")
@insecure_option
@click.argument("name", metavar="IMAGE")
def inspect(insecure: bool, name: str) -> None:
    """Print the manifest or index of a name, as it is: the store's, else the registry's."""
    import json

    from whit.packer.commands.registry_options import registries
    from whit.packer.image.reference import parse_reference
    from whit.packer.showing.console import json_page, say
    from whit.packer.store.store import Store
    from whit.packer.support.errors import NotFoundError

    store = Store.open()
    try:
        data = store.layout.read(store.entry(name))
    except NotFoundError:
        reference = parse_reference(name)
        found = registries(insecure=insecure).repository(reference).manifest(reference.digest or reference.tag or "")
        data = found.data
    say(json_page(json.loads(data), indent=3))


@command.command("push", short_help="Send an index and its images to a registry")
@click.option("-p", "--purge", is_flag=True, help="Remove the name from the store afterwards.")
@insecure_option
@click.argument("name", metavar="INDEX")
def push(purge: bool, insecure: bool, name: str) -> None:
    """Send an index, and all images that it has, to the registry that its name says. Its digest is printed."""
    from whit.packer.commands.registry_options import registries
    from whit.packer.image.indexing import forget
    from whit.packer.image.reference import parse_reference
    from whit.packer.store.store import Store
    from whit.packer.verbs.push import send

    store, reference = Store.open(), parse_reference(name)
    pushed = send(store, registries(insecure=insecure), reference, quiet=True)
    click.echo(pushed.descriptor.digest)
    if purge:
        forget(store, reference)


@command.command("rm", short_help="Remove indexes from the store")
@click.argument("names", nargs=-1, required=True, metavar="INDEX…")
def remove(names: tuple[str, ...]) -> None:
    """Remove indexes; their images stay where they have names of their own."""
    from whit.packer.image.indexing import forget
    from whit.packer.image.reference import parse_reference
    from whit.packer.store.store import Store

    store = Store.open()
    for name in names:
        forget(store, parse_reference(name))
        click.echo(f"Deleted: {parse_reference(name)}")
