"""``whit pull NAME``: images of a registry into the store."""

from __future__ import annotations

import click

from whit.packer.commands.registry_options import insecure_option, platform_option


@click.command("pull", short_help="Take images from a registry into the store")
@click.argument("name")
@click.option("-a", "--all-tags", is_flag=True, help="All tags of the repository NAME.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the name.")
@platform_option
@click.option("--all-platforms", is_flag=True, help="Take the image for all platforms, and its index with them.")
@click.option("--with-referrers", is_flag=True, help="Take what is attached to it, too: SBOMs, signatures …")
@insecure_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/registry.md).")
def command(  # noqa: PLR0917 - click's: one an option
    name: str,
    all_tags: bool,
    quiet: bool,
    platform: str | None,
    all_platforms: bool,
    with_referrers: bool,
    insecure: bool,
    as_json: bool,
) -> None:
    """Take an image from a registry into the store, under the same name and with the same bytes.

    What a broken or killed pull has left is gone on with.
    """
    from whit.packer.verbs.pull import pull

    pull(
        name, all_tags=all_tags, quiet=quiet, platform=platform, all_platforms=all_platforms,
        with_referrers=with_referrers, insecure=insecure, as_json=as_json,
    )  # fmt: skip
