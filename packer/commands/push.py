"""``whit push NAME``: images of the store to a registry."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from whit.packer.commands.conversion_options import begun, conversion_options, tell
from whit.packer.commands.registry_options import insecure_option, registries

if TYPE_CHECKING:
    from whit.packer.image.converted import Conversion
    from whit.packer.image.reference import Reference
    from whit.packer.registry.pushing import Pushed
    from whit.packer.registry.registries import Registries
    from whit.packer.store.store import Store


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
    from whit.packer.image.reference import parse_reference
    from whit.packer.showing.console import print_json
    from whit.packer.store.store import Store
    from whit.packer.support.errors import UsageError

    reference, tagged = parse_reference(name), name.rpartition("/")[2].count(":")
    if all_tags and tagged:
        raise UsageError("tag can't be used with --all-tags/-a", hint="give the repository's name alone")
    if reference.digest:
        raise UsageError("an image is pushed by a tag, not by its digest", hint="whit tag gives it one")
    store, hub = Store.open(), registries(insecure=insecure)
    references = _all(store, reference) if all_tags else [reference]
    if not (quiet or as_json):
        if not (tagged or all_tags):
            click.echo(f"Using default tag: {reference.tag}")
        click.echo(f"The push refers to repository [{reference.domain}/{reference.path}]")
    found = [send(store, hub, one, conversion, quiet=quiet or as_json) for one in references]
    if as_json:
        print_json({"schema": "whit-push/1", "images": [_document(one) for one in found]})
    elif quiet:
        click.echo(reference.familiar_name if all_tags else reference)


def _all(store: Store, reference: Reference) -> list[Reference]:
    from whit.packer.support.errors import NotFoundError

    known = [one for one, _ in store.entries() if one and one.familiar_name == reference.familiar_name and one.tag]
    if not known:
        raise NotFoundError(
            f"An image does not exist locally with the tag: {reference.familiar_name}",
            hint="'whit images' lists what is there",
        )
    return known


def send(
    store: Store, hub: Registries, reference: Reference, conversion: Conversion | None = None, *, quiet: bool
) -> Pushed:
    """Push one image, and tell of it in docker's words."""
    from whit.packer.registry.progress import watcher
    from whit.packer.registry.pushing import push
    from whit.packer.registry.sending import Outcome

    words = {Outcome.THERE: "Layer already exists", Outcome.SENT: "Pushed", Outcome.MOUNTED: "Mounted"}
    pushed = push(store, hub, reference, watcher(sys.stdout, words, "Pushing", quiet=quiet), conversion, begun)
    if not quiet:
        tell(pushed.origin, pushed.descriptor, pushed.left_out)
        if pushed.moved.was_there:
            for blob in pushed.tree.blobs:
                click.echo(f"{blob.hex[:12]}: {words[Outcome.THERE]}")
        for one in pushed.referrers:
            click.echo(f"{one.hex[:12]}: Attached ({one.artifact_type})")
        click.echo(f"{reference.tag}: digest: {pushed.descriptor.digest} size: {pushed.descriptor.size}")
    return pushed


def _document(pushed: Pushed) -> dict[str, object]:
    return {
        "name": pushed.reference.familiar,
        "digest": pushed.descriptor.digest,
        "source": pushed.origin.digest,
        "new": not pushed.moved.was_there,
        "blobs": len(pushed.tree.blobs),
        "size": pushed.tree.size,
        "transferred": pushed.moved.size,
        "referrers": [one.digest for one in pushed.referrers],
    }
