"""Starting containers that don't run."""

from __future__ import annotations

from whit.packer.store.places import private_root
from whit.runtime.engine import lifecycle
from whit.runtime.engine.folder import Containers
from whit.runtime.verbs.several import each


def start(containers: tuple[str, ...]) -> int:
    """Start each; one that runs stays as it is."""
    known = Containers(private_root())
    return each(containers, lambda name: lifecycle.start_stopped(known, known.find(name)))
