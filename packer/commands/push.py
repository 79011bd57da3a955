"""``whit push NAME``: images of the store to a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.commands.conversion_options import conversion_options
from whit.packer.commands.registry_options import insecure_option

if TYPE_CHECKING:
    from whit.packer.image.converted import Conversion


@click.command("push", short_help="Send images of the store to a registry")
@click.argument("name")
@click.option("-a", "--all-tags", is_flag=True, help="All tags of the repository NAME that the store has.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the name.")
@conversion_options
@insecure_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/registry.md).")
def command(name: str, all_tags: bool, quiet: bool, conversion: Conversion, insecure: bool, as_json: bool) -> None:
    """Send an image of the store to the registry that its name says, with the same bytes unless it is to be converted.

    What is there already isn't sent; what a broken or killed push has left at the registry is gone on with.
    """
    from whit.packer.verbs.push import push

    push(name, all_tags=all_tags, quiet=quiet, insecure=insecure, as_json=as_json, conversion=conversion or None)
