"""Images of the store to a registry."""

from __future__ import annotations

import sys

from whit.packer.image.reference import parse_reference
from whit.packer.registry.progress import watcher
from whit.packer.registry.pushing import push as push_image
from whit.packer.registry.registries import Registries
from whit.packer.registry.sending import Outcome
from whit.packer.registry.settings import Settings
from whit.packer.showing.console import print_json, put, say
from whit.packer.store.store import Store
from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.shortid import short_id

if TYPE_CHECKING:
    from typing import IO

    from whit.packer.image.converted import Conversion
    from whit.packer.image.reference import Reference
    from whit.packer.registry.ahead import Ahead
    from whit.packer.registry.pushing import Pushed

WORDS = {Outcome.THERE: "Layer already exists", Outcome.SENT: "Pushed", Outcome.MOUNTED: "Mounted"}


def push(
    name: str,
    *,
    all_tags: bool = False,
    quiet: bool = False,
    insecure: bool = False,
    as_json: bool = False,
    conversion: Conversion | None = None,
) -> None:
    """Send an image, or all tags of a repository; as whit.packer.commands.push says."""
    reference, tagged = parse_reference(name), name.rpartition("/")[2].count(":")
    if all_tags and tagged:
        raise UsageError("tag can't be used with --all-tags/-a", hint="give the repository's name alone")
    if reference.digest:
        raise UsageError("an image is pushed by a tag, not by its digest", hint="whit tag gives it one")
    store, hub = Store.open(), Registries(Settings.read(insecure=insecure))
    references = _all(store, reference) if all_tags else [reference]
    if not (quiet or as_json):
        if not (tagged or all_tags):
            say(f"Using default tag: {reference.tag}")
        say(f"The push refers to repository [{reference.domain}/{reference.path}]")
    found = [send(store, hub, one, conversion, quiet=quiet or as_json) for one in references]
    if as_json:
        print_json({"schema": "whit-push/1", "images": [document(one) for one in found]})
    elif quiet:
        say(reference.familiar_name if all_tags else str(reference))


def _all(store: Store, reference: Reference) -> list[Reference]:
    known = [one for one, _ in store.entries() if one and one.familiar_name == reference.familiar_name and one.tag]
    if not known:
        raise NotFoundError(
            f"An image does not exist locally with the tag: {reference.familiar_name}",
            hint="'whit images' lists what is there",
        )
    return known


def send(
    store: Store,
    hub: Registries,
    reference: Reference,
    conversion: Conversion | None = None,
    *,
    quiet: bool,
    ahead: Ahead | None = None,
    stream: IO[str] | None = None,
) -> Pushed:
    """Push one image, and tell of it in docker's words; ``ahead`` has what of it is on its way already."""
    stream = stream or sys.stdout
    telling = watcher(stream, WORDS, "Pushing", quiet=quiet)
    if conversion:
        from whit.packer.commands.conversion_options import begun, tell  # noqa: PLC0415 - only where it is asked for

        pushed = push_image(store, hub, reference, telling, conversion, begun)
        if not quiet:
            tell(pushed.origin, pushed.descriptor, pushed.left_out, pushed.stayed)
    else:
        pushed = push_image(store, hub, reference, telling, ahead=ahead)
    if not quiet:
        _tell(pushed, stream)
    return pushed


def _tell(pushed: Pushed, stream: IO[str]) -> None:
    """What a push came to, after what was told of its blobs."""
    blobs = pushed.tree.blobs if pushed.moved.was_there else ()
    lines = [
        *(f"{short_id(blob.hex)}: {WORDS[Outcome.THERE]}" for blob in blobs),
        *(f"{short_id(one.hex)}: Attached ({one.artifact_type})" for one in pushed.referrers),
        f"{pushed.reference.tag}: digest: {pushed.descriptor.digest} size: {pushed.descriptor.size}",
    ]
    put(stream, "".join(f"{line}\n" for line in lines))


def document(pushed: Pushed) -> dict[str, object]:
    """For programs."""
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
