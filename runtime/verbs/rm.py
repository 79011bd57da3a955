"""Removing containers with all that they wrote."""

from __future__ import annotations

from whit.packer.store.places import private_root
from whit.packer.support.errors import InvalidFileError, NotFoundError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine import ending
from whit.runtime.engine.folder import Containers
from whit.runtime.verbs.several import each_at_once

if TYPE_CHECKING:
    from whit.runtime.engine.folder import Kept


def rm(containers: tuple[str, ...], *, force: bool = False, volumes: bool = False) -> int:
    """Remove each: with ``force`` also one that runs, with ``volumes`` those that were made for it alone too."""
    known = Containers(private_root())

    def find(name: str) -> Kept:
        try:
            return known.find(name)
        except InvalidFileError:
            if not force:
                raise
            return known.find_damaged(name)

    def remove(name: str) -> None:
        kept = find(name)
        try:
            ending.remove(known, kept, force=force, volumes=volumes)
        except NotFoundError:
            # It may have gone by itself just now.
            if not force:
                raise

    return each_at_once(containers, remove, (NotFoundError,) if force else ())
