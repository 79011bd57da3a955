"""A pull, told as it goes in docker's words: for ``whit pull``, and for all that pull because an image isn't there."""

from __future__ import annotations

from whit.packer.registry.progress import watcher
from whit.packer.registry.pulling import Take, pull
from whit.packer.registry.sending import Outcome
from whit.packer.showing.console import put
from whit.packer.store.pulls import record_pull
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import IO

    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.registry.pulling import Pulled
    from whit.packer.registry.registries import Registries
    from whit.packer.store.store import Store

_WORDS = {Outcome.THERE: "Already exists", Outcome.SENT: "Pull complete", Outcome.MOUNTED: "Already exists"}


def pull_told(
    store: Store,
    registries: Registries,
    reference: Reference,
    stream: IO[str],
    platform: Platform | None = None,
    *,
    take: Take = Take.EXACT,
    quiet: bool = False,
) -> Pulled:
    """Have an image in the store, and write to a stream how that goes; when it was is remembered. Raises what :func:`pull` does."""
    if not quiet:
        put(stream, f"{reference.tag or reference.digest}: Pulling from {reference.path}\n")
    telling = watcher(stream, _WORDS, "Downloading", quiet=quiet)
    pulled = pull(store, registries, reference, telling, platform, take=take)
    record_pull(store.root, reference, platform)
    if not quiet:
        new = "Image is up to date for" if pulled.moved.was_there else "Downloaded newer image for"
        put(stream, f"Digest: {pulled.digest}\nStatus: {new} {reference.familiar}\n")
    return pulled
