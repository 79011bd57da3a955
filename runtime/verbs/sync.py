"""``whit _sync CONTAINER``: what goes into a container of the caller's among its users (runtime/engine/syncing.py)."""

from __future__ import annotations

import sys

from whit.packer.store.store import Store
from whit.runtime.engine.folder import Containers
from whit.runtime.engine.syncing import apply


def sync(container: str) -> None:
    """Have its root be as the tar on standard input says."""
    containers = Containers(Store.open().root)
    apply(containers, containers.find(container), sys.stdin.buffer)
