"""What happens to containers, networks and volumes, as events. The supervisor records starts, ends, signals and health; commands the rest."""

from __future__ import annotations

from whit.packer.store.eventlog import record
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.lightjson import compact
from whit.runtime.engine.model import MountKind

if TYPE_CHECKING:
    from pathlib import Path

    from whit.runtime.engine.model import Container
    from whit.runtime.engine.networks.model import Network

ACTOR = "actor"
"""The file in a container's folder that the supervisor's events are made of."""

_MOST = 8192


def attributes_of(container: Container) -> dict[str, str]:
    """Docker's: name, image and labels; labels are left out where they are very many."""
    named = {"image": container.image, "name": container.name}
    labelled = {**dict(container.labels), **named}
    return labelled if len(compact(labelled)) < _MOST else named


def actor_text(container: Container) -> bytes:
    """Its part of an event's JSON, up to its last attribute: the supervisor adds what belongs to the action."""
    actor = {"ID": container.id, "Attributes": dict(sorted(attributes_of(container).items()))}
    return compact(actor).removesuffix("}}").encode()


def container_event(root: Path, container: Container, action: str, **more: str) -> None:
    """Record it."""
    record(root, "container", action, container.id, {**attributes_of(container), **more})


def network_event(root: Path, network: Network, action: str, **more: str) -> None:
    """Record what happens to a network; ``container`` is whose joining or leaving it is."""
    record(root, "network", action, network.id, {"name": network.name, "type": "bridge", **more})


def volume_event(root: Path, name: str, action: str, **more: str) -> None:
    """Record what happens to a volume; ``container`` is whose mounting it is."""
    record(root, "volume", action, name, {"driver": "local", **more})


def volumes_mounted(root: Path, container: Container) -> None:
    """Record that the container that starts has its volumes."""
    for mount in container.mounts:
        if mount.kind is MountKind.VOLUME:
            how = {"destination": mount.target, "propagation": "", "read/write": str(not mount.read_only).lower()}
            volume_event(root, mount.name, "mount", container=container.id, **how)


def volumes_unmounted(root: Path, container: Container) -> None:
    """Record that the container that has ended has them no more."""
    for mount in container.mounts:
        if mount.kind is MountKind.VOLUME:
            volume_event(root, mount.name, "unmount", container=container.id)


def pruned(root: Path, kind: str, size: int) -> None:
    """Record that what wasn't used was removed: so many bytes of the disk."""
    record(root, kind, "prune", "", {"reclaimed": str(size)})
