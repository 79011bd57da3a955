"""What happens to containers, networks and volumes, as events. The supervisor records starts, ends, signals and health; commands the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from whit.runtime.engine.events import record

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
    return labelled if len(json.dumps(labelled)) < _MOST else named


def actor_text(container: Container) -> bytes:
    """Its part of an event's JSON, up to its last attribute: the supervisor adds what belongs to the action."""
    actor = {"ID": container.id, "Attributes": dict(sorted(attributes_of(container).items()))}
    return json.dumps(actor, separators=(",", ":")).removesuffix("}}").encode()


def container_event(root: Path, container: Container, action: str, **more: str) -> None:
    """Record it."""
    record(root, "container", action, container.id, {**attributes_of(container), **more})


def network_event(root: Path, network: Network, action: str, **more: str) -> None:
    """Record what happens to a network; ``container`` is whose joining or leaving it is."""
    record(root, "network", action, network.id, {"name": network.name, "type": "bridge", **more})


def volume_event(root: Path, name: str, action: str) -> None:
    """Record what happens to a volume."""
    record(root, "volume", action, name, {"driver": "local"})
