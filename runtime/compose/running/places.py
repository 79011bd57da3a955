"""Where a project's own files are in the store, and its lock: one command at a time changes a project."""

from __future__ import annotations

import contextlib

from whit.packer.showing.console import tell
from whit.packer.support import durable
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def folder_of(root: Path, project: str) -> Path:
    """A project's folder; not made."""
    return root / "compose" / project


@contextlib.contextmanager
def changing(root: Path, project: str) -> Iterator[Path]:
    """A project's folder, while nobody else changes the project; who has to wait for that is told so."""
    place = folder_of(root, project)
    with durable.store_errors(f"change the project {project}"):
        for folder in (root, root / "compose", place):
            durable.private_folder(folder)
    with contextlib.ExitStack() as held:
        if not held.enter_context(durable.locked(place / "lock", exclusive=True, wait=False)):
            tell(f"whit: another command changes the project {project}: waiting for it\n")
            held.enter_context(durable.locked(place / "lock", exclusive=True))
        yield place
