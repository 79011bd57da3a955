"""Moving an image: whatever it comes from and goes to, blobs first and at once, then the documents, children first."""

from __future__ import annotations

import threading

from whit.packer.registry.parallel import Stop, each
from whit.packer.registry.sending import Outcome
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    from whit.packer.image.oci import Descriptor
    from whit.packer.registry.ends import Source, Target
    from whit.packer.registry.sending import Placed
    from whit.packer.registry.tree import Tree

    class Watcher(Protocol):
        """Is told how far things are, by several threads."""

        def begin(self, tree: Tree) -> None:
            """All that will be moved."""
            ...

        def moved(self, blob: Descriptor, there: int) -> None:
            """So many bytes of a blob are there."""
            ...

        def done(self, blob: Descriptor, placed: Placed) -> None:
            """A blob is there."""
            ...

        def end(self) -> None:
            """All is there, or nothing more will be."""
            ...


class Moved:
    """What a transfer came to: whether all was there before; blobs by how they came, bytes that were moved."""

    def __init__(self) -> None:
        self.was_there = False
        self.blobs: dict[str, Placed] = {}
        self.size = 0

    @property
    def sent(self) -> int:
        """Blobs that weren't there."""
        return sum(placed.how is Outcome.SENT for placed in self.blobs.values())


def transfer(tree: Tree, source: Source, target: Target, watcher: Watcher) -> Moved:
    """Have the target hold what the source does, under the target's name. Raises what either says."""
    moved = Moved()
    if target.is_there(tree.root):
        moved.was_there = True
        return moved
    stop, lock = Stop(), threading.Lock()

    def put(blob: Descriptor) -> None:
        def told(there: int) -> None:
            stop.check()
            watcher.moved(blob, there)

        placed = target.put_blob(blob, source, told)
        with lock:
            moved.blobs[blob.digest] = placed
            moved.size += blob.size if placed.how is Outcome.SENT else 0
        watcher.done(blob, placed)

    watcher.begin(tree)
    try:
        # Configurations first, which may say that nothing else is worth it; then the largest: the last to end shall be a small one.
        configs = {manifest.config.digest for _, manifest in tree.images}
        each(sorted(tree.blobs, key=lambda blob: (blob.digest not in configs, -blob.size)), put, stop)
        for document in tree.documents:
            target.put_document(document, is_root=document is tree.root)
    finally:
        watcher.end()
    return moved
