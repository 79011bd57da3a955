"""A service's container made: folders that it binds, what it takes over of the one before, and its labels."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from whit.packer.support.errors import WhitError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.compose import labels
from whit.runtime.compose.mounting import binds_to_make
from whit.runtime.compose.wishing import Place, wishes_of
from whit.runtime.engine import creating
from whit.runtime.engine.folder import Containers

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.store.store import Store
    from whit.runtime.compose.graph.model import Step
    from whit.runtime.compose.running.acting import Making
    from whit.runtime.engine.folder import Kept


def create(
    store: Store, making: Making, step: Step, name: str, old: Kept | None, free: Callable[[range, int], int]
) -> Kept:
    """Make the container of a step, called ``name``; the ``old`` one's volumes without a name are its own then."""
    project = making.project
    service = project.services[step.service]
    own = labels.service_labels(project, service, step.number)
    own[labels.HASH] = making.hashes[service.name]
    if old is not None:
        own[labels.REPLACES] = old.container.id
    taken: tuple[tuple[str, str], ...] = ()
    if old is not None and not making.renews_volumes:
        mounts = old.container.mounts
        taken = tuple((one.target, one.name) for one in mounts if one.is_anonymous)
    place = Place(
        name,
        step.number,
        tuple(own.items()),
        lambda other: project.container_name(other, 1),
        making.contents.sources,
        taken,
        free,
    )
    words, wishes = wishes_of(project, service, place)
    _make_binds(service.values.get("volumes") or ())
    kept = creating.create(words, wishes, store)
    return _with_volumes(Containers(store.root), kept, frozenset(volume for _, volume in taken))


def _with_volumes(containers: Containers, kept: Kept, names: frozenset[str]) -> Kept:
    """Volumes that it took over go with it, as they would have gone with the one before."""
    if not names:
        return kept
    with containers.changing(kept) as now:
        mounts = tuple(replace(one, is_anonymous=True) if one.name in names else one for one in now.container.mounts)
        return containers.replace(now, replace(now.container, mounts=mounts))


def _make_binds(values: object) -> None:
    for path in binds_to_make(values if isinstance(values, list) else ()):
        if os.path.lexists(path):
            continue
        try:
            Path(path).mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise WhitError(
                f"can't make {path}: {(error.strerror or str(error)).lower()}", hint="make it, or bind another folder"
            ) from None


def is_free(port: int) -> bool:
    """Whether nobody listens there, at any of the host's addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
