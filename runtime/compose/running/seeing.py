"""What there is of a project: its containers, networks and volumes, as their labels say."""

from __future__ import annotations

import contextlib
import os

from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose import labels
from whit.runtime.compose.graph.model import Present, Seen
from whit.runtime.engine.folder import Containers, Kept
from whit.runtime.engine.reading import ids, read_some, status_of
from whit.runtime.engine.status import State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from whit.runtime.engine.model import Container
    from whit.runtime.engine.status import Status


@dataclass(frozen=True, slots=True)
class View:
    """What there is, and the containers themselves by ID. ``own_networks`` are those that were made for the project."""

    present: Present
    kept: Mapping[str, Kept]
    own_networks: tuple[str, ...]

    def all_of(self, services: tuple[str, ...] = (), *, oneoff: bool = False) -> tuple[Seen, ...]:
        """The containers of these services, of all where there are none."""
        return tuple(
            one
            for one in self.present.containers
            if (not services or one.service in services) and (oneoff or not one.oneoff)
        )


def containers_of(root: Path, project: str) -> list[Container]:
    """A project's containers, the newest first."""
    found = read_some(str(root), ids(str(root)))
    return [one for one in found if (labels.PROJECT, project) in one.labels]


def look(root: Path, project: str) -> View:
    """What there is of a project now."""
    known = Containers(root)
    containers = containers_of(root, project)
    kept = {one.id: Kept(one, known.at(one.id)) for one in containers}
    networks = tuple(_networks(root, project))
    seen = tuple(_seen(one, status_of(str(root), one.id)) for one in containers)
    own = tuple(name for name, _, is_own in networks if is_own)
    present = Present(seen, tuple((name, digest) for name, digest, _ in networks), _volumes(root))
    return View(present, kept, own)


def _seen(container: Container, status: Status) -> Seen:
    values = dict(container.labels)
    number = values.get(labels.NUMBER, "1")
    return Seen(
        id=container.id,
        name=container.name,
        service=values.get(labels.SERVICE, ""),
        number=int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1,  # noqa: PLR2004 - digits
        created=container.created,
        hash=values.get(labels.HASH, ""),
        image=container.image_digest,
        replaces=values.get(labels.REPLACES, ""),
        depends=labels.depends_of(values.get(labels.DEPENDS, "")),
        oneoff=values.get(labels.ONEOFF) == "True" or labels.HOOK in values,
        is_up=status.is_up,
        has_started=status.state is not State.CREATED,
        was_stopped=status.stopped,
        exit_code=status.exit_code,
        networks=container.network_names if container.has_own_network else (),
    )


def _networks(root: Path, project: str) -> list[tuple[str, str, bool]]:
    """(name, hash of what it was made of, whether it is the project's) of all."""
    from whit.runtime.engine.networks import folder  # noqa: PLC0415 - ipaddress is slow to import

    if not folder.names(root):
        return []
    found = []
    for network in folder.every(root):
        values = dict(network.labels)
        is_own = values.get(labels.PROJECT) == project
        found.append((network.name, values.get(labels.HASH, "") if is_own else "", is_own))
    return found


def _volumes(root: Path) -> frozenset[str]:
    with contextlib.suppress(FileNotFoundError):
        return frozenset(name for name in os.listdir(root / "volumes") if not name.startswith("."))  # noqa: PTH208 - names
    return frozenset()


def own_volumes(root: Path, project: str) -> tuple[str, ...]:
    """The volumes that were made for a project."""
    from whit.runtime.engine.volumes import Volumes  # noqa: PLC0415 - for ``down -v`` alone

    return tuple(one.name for one in Volumes(root).every() if (labels.PROJECT, project) in one.labels)
