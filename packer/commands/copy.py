"""``whit copy A B``: an image from one place to another, byte for byte, or converted on its way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from whit.packer.commands.conversion_options import begun, conversion_options, tell
from whit.packer.commands.registry_options import insecure_option, registries

if TYPE_CHECKING:
    from whit.packer.image.converted import Conversion
    from whit.packer.registry.copying import Copied


@click.command("copy", short_help="Copy images between registries, the store, folders and archives")
@click.argument("source")
@click.argument("target")
@click.option("--platform", metavar="PLATFORM", help="Only the image for one platform.  [default: all that there are]")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the digest.")
@click.option("--with-referrers", is_flag=True, help="Copy what is attached to it, too: SBOMs, signatures …")
@conversion_options
@insecure_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/registry.md).")
def command(
    source: str,
    target: str,
    *,
    platform: str | None,
    quiet: bool,
    with_referrers: bool,
    conversion: Conversion,
    insecure: bool,
    as_json: bool,
) -> None:
    """Copy an image, and all that its index has, with the same bytes and so the same digest, unless it is to be converted.

    SOURCE and TARGET are each a NAME at a registry, store:NAME, oci:FOLDER[:NAME], oci-archive:FILE[:NAME] or
    docker-archive:FILE[:NAME].
    """
    from whit.packer.image.platform import parse_platform
    from whit.packer.registry.copying import Copier
    from whit.packer.registry.locations import parse_location
    from whit.packer.registry.progress import watcher
    from whit.packer.registry.sending import Outcome
    from whit.packer.showing.console import print_json
    from whit.packer.store.store import Store

    words = {Outcome.THERE: "Already exists", Outcome.SENT: "Copied", Outcome.MOUNTED: "Mounted"}
    fetched = {**words, Outcome.SENT: "Fetched"}
    is_silent = quiet or as_json
    copier = Copier(
        Store.open(),
        registries(insecure=insecure),
        watcher(sys.stdout, words, "Copying", quiet=is_silent),
        watcher(sys.stdout, fetched, "Fetching", quiet=is_silent),
        begun,
    )
    origin, place = parse_location(source), parse_location(target)
    wanted = parse_platform(platform) if platform else None
    copied = copier.copy(origin, place, wanted, conversion, with_referrers=with_referrers)
    if as_json:
        print_json(_document(copied))
        return
    if not quiet:
        tell(copied.origin, copied.descriptor, copied.left_out, copied.stayed)
    click.echo(copied.descriptor.digest)


def _document(copied: Copied) -> dict[str, object]:
    return {
        "schema": "whit-copy/1",
        "digest": copied.descriptor.digest,
        "source": copied.origin.digest,
        "new": not copied.moved.was_there,
        "blobs": len(copied.tree.blobs),
        "size": copied.tree.size,
        "transferred": copied.moved.size,
        "left_out": [one.digest for one in copied.left_out],
    }
