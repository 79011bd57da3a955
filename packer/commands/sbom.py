"""``whit sbom IMAGE``: what an image is made of, as SPDX or CycloneDX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.commands.registry_options import platform_option

if TYPE_CHECKING:
    from whit.packer.image.platform import Platform
    from whit.packer.store.store import Store, StoredImage


@click.command("sbom", short_help="Show what an image is made of, as SPDX or CycloneDX")
@click.argument("name", metavar="IMAGE")
@click.option("--format", "form", type=click.Choice(["spdx", "spdx3", "cyclonedx"]), default="spdx", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write it there, and not to standard output.")
@click.option("--attach", is_flag=True, help="Attach it to the image in the store, too: it goes along with a push.")
@platform_option
def command(name: str, form: str, output: str | None, attach: bool, platform: str | None) -> None:
    """Write the bill of materials of an image: programs, Go modules, Rust crates, distributions' packages, all files.

    The same image and $SOURCE_DATE_EPOCH give the same bytes. An image that isn't in the store is pulled.
    """
    from pathlib import Path

    from whit.packer.image.platform import parse_platform
    from whit.packer.store.store import Store
    from whit.packer.support import durable

    store = Store.open()
    image = stored_image(store, name, parse_platform(platform) if platform else None)
    data = document(store, image, form)
    if output is not None:
        with durable.output_errors(output):
            durable.write_whole(Path(output), data, private=False)
    elif not attach:
        click.echo(data.decode())
    if attach:
        from whit.packer.supply.attaching import attach_document
        from whit.packer.supply.sbom import Form

        click.echo(attach_document(store, image.descriptor, data, Form(form).media_type).digest)


def document(store: Store, image: StoredImage, form: str) -> bytes:
    """An image's bill of materials."""
    from importlib.metadata import version

    from whit.packer.pipeline import source_date_epoch
    from whit.packer.supply.reading import inventory_of
    from whit.packer.supply.sbom import Form, bill

    return bill(inventory_of(store.layout, image), Form(form), source_date_epoch(), version("whit"))


def stored_image(store: Store, name: str, platform: Platform | None = None) -> StoredImage:
    """An image of the store; one that isn't there is pulled."""
    from whit.packer.registry.obtaining import obtain_missing
    from whit.packer.support.errors import NotFoundError

    try:
        return store.resolve(name, platform)
    except NotFoundError as error:
        obtain_missing(name, store, error, platform)
        return store.resolve(name, platform)
