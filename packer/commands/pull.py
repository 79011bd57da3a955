"""``whit pull NAME``: images of a registry into the store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from whit.packer.commands.registry_options import insecure_option, platform_option, registries

if TYPE_CHECKING:
    from whit.packer.registry.pulling import Pulled
    from whit.packer.registry.registries import Registries
    from whit.packer.store.store import Store


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
    from whit.packer.image.platform import parse_platform
    from whit.packer.image.reference import parse_reference
    from whit.packer.registry.pulling import Take
    from whit.packer.registry.told import pull_told
    from whit.packer.showing.console import print_json
    from whit.packer.store.store import Store
    from whit.packer.support.errors import UsageError

    reference = parse_reference(name)
    if all_tags and (reference.digest or name.rpartition("/")[2].count(":")):
        raise UsageError("tag can't be used with --all-tags/-a", hint="give the repository's name alone")
    if platform and all_platforms:
        raise UsageError("--platform and --all-platforms contradict each other", hint="leave one of them out")
    store, hub = Store.open(), registries(insecure=insecure)
    wanted = parse_platform(platform) if platform else None
    take = Take.WHOLE if all_platforms else Take.EXACT
    tags = list(hub.source(reference).repository.tags()) if all_tags else []
    # Parsed, so that a registry can't make up names that nobody could type.
    references = [parse_reference(f"{name}:{tag}") for tag in tags] or [reference]
    if not (quiet or as_json or all_tags) and not (reference.digest or name.rpartition("/")[2].count(":")):
        click.echo(f"Using default tag: {reference.tag}")
    found = [pull_told(store, hub, one, sys.stdout, wanted, take=take, quiet=quiet or as_json) for one in references]
    for one in found if with_referrers else ():
        _attach(store, hub, one, quiet=quiet or as_json)
    if as_json:
        print_json({"schema": "whit-pull/1", "images": [_document(one) for one in found]})
    else:
        click.echo(reference.familiar_name if all_tags else reference)


def _attach(store: Store, hub: Registries, pulled: Pulled, *, quiet: bool) -> None:
    """Have the store hold what the registry has attached to an image that was pulled."""
    from whit.packer.registry.ends import RepositorySource
    from whit.packer.registry.referring import listed, receive
    from whit.packer.supply.attaching import attach

    repository = hub.repository(pulled.reference)
    source = RepositorySource(repository, pulled.digest)
    with store.adding() as layout:
        fetched = receive(
            lambda digest: listed(repository, digest), pulled.tree, source, layout,
            lambda subject, artifact: attach(store, subject, artifact),
        )  # fmt: skip
    for one in fetched if not quiet else ():
        click.echo(f"{one.hex[:12]}: Attached ({one.artifact_type or one.media_type})")


def _document(pulled: Pulled) -> dict[str, object]:
    """For programs."""
    return {
        "name": pulled.reference.familiar,
        "digest": pulled.digest,
        "stored": pulled.descriptor.digest,
        "new": not pulled.moved.was_there,
        "blobs": len(pulled.tree.blobs),
        "size": pulled.tree.size,
        "transferred": pulled.moved.size,
    }
