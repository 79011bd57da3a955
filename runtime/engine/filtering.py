"""``--filter KEY=VALUE`` of ``whit ps`` and what it is true of. Pure."""

from __future__ import annotations

from whit.packer.support.filters import by_key, passes
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.support.filters import Values
    from whit.runtime.engine.model import Container
    from whit.runtime.engine.networks.model import PortMapping
    from whit.runtime.engine.status import Status

KEYS = ("ancestor", "exited", "health", "id", "label", "name", "network", "publish", "status", "volume")
_FURTHER = {"exited", "status"}
"""What is asked of containers that don't run, too."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Values by key: one of a key's must be true, of each key."""

    values: Values = ()

    @property
    def looks_further(self) -> bool:
        """Whether containers are meant that don't run."""
        return any(key in _FURTHER for key, _ in self.values)

    def takes(self, container: Container, status: Status, ports: Iterable[PortMapping] = ()) -> bool:
        """Whether the container passes."""
        published = tuple(ports)
        return passes(self.values, lambda key, value: _is_true(key, value, container, status, published))


def parse_filters(texts: Iterable[str]) -> Filters:
    """The filters. Raises :class:`UsageError` for keys that there aren't."""
    return Filters(by_key(texts, KEYS))


def _has_label(container: Container, value: str) -> bool:
    name, equals, wanted = value.partition("=")
    labels = dict(container.labels)
    return name in labels and (not equals or labels[name] == wanted)


def _is_true(key: str, value: str, container: Container, status: Status, ports: tuple[PortMapping, ...]) -> bool:
    answers = {
        "ancestor": lambda: (
            value in {container.image, container.image.rpartition(":")[0], container.image_id}
            or container.image_id.removeprefix("sha256:").startswith(value)
        ),
        "exited": lambda: status.state.value == "exited" and str(status.exit_code) == value,
        "health": lambda: status.health.value == value,
        "id": lambda: container.id.startswith(value),
        "label": lambda: _has_label(container, value),
        "name": lambda: value in container.name,
        "network": lambda: value in container.network_names,
        "publish": lambda: any(str(port.host_port) == value.partition("/")[0] for port in ports),
        "status": lambda: status.state.value == value,
        "volume": lambda: any(value in {mount.name, mount.source, mount.target} for mount in container.mounts),
    }
    return bool(answers[key]())
