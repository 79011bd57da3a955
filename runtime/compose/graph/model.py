"""Steps, and what there is of a project. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass

if TYPE_CHECKING:
    from whit.runtime.compose.project import Condition


class Kind(StrEnum):
    """What a step does."""

    NETWORK = "network"
    RENEW_NETWORK = "renew-network"
    VOLUME = "volume"
    CREATE = "create"
    TAKE_PLACE = "take-place"
    PREPARE = "prepare"
    START = "start"
    STOP = "stop"
    KILL = "kill"
    REMOVE = "remove"
    WAIT = "wait"
    REMOVE_NETWORK = "remove-network"
    REMOVE_VOLUME = "remove-volume"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do once all that it is ``after`` is done.

    ``name`` is the container's (as it will be), network's or volume's; ``id`` that of a container that is there. A ``tolerant``
    step that fails keeps nobody from going on. A wait goes on for some ``seconds`` once what it is for has come.
    """

    key: str
    kind: Kind
    name: str
    after: tuple[str, ...] = ()
    service: str = ""
    number: int = 0
    id: str = ""
    condition: Condition | None = None
    tolerant: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A container of the project's that is there. ``hash`` and ``replaces`` are of its labels, ``image`` the digest it was made of."""

    id: str
    name: str
    service: str
    number: int
    created: int
    hash: str = ""
    image: str = ""
    replaces: str = ""
    depends: tuple[str, ...] = ()
    oneoff: bool = False
    is_up: bool = False
    has_started: bool = False
    was_stopped: bool = False
    exit_code: int = 0
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Present:
    """What there is of a project: containers, networks by name with the hash of what they were made of, volumes' names."""

    containers: tuple[Seen, ...] = ()
    networks: tuple[tuple[str, str], ...] = ()
    volumes: frozenset[str] = frozenset()

    def of(self, service: str) -> tuple[Seen, ...]:
        """A service's containers that stay, by number."""
        found = [one for one in self.containers if one.service == service and not one.oneoff]
        return tuple(sorted(found, key=lambda one: (one.number, -one.created)))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a service's containers are to be made of."""

    hash: str
    image: str


def removed_by(steps: tuple[Step, ...]) -> frozenset[str]:
    """The IDs of the containers that go with these steps: removed, or for another one that takes their place."""
    return frozenset(step.id for step in steps if step.id and step.kind in {Kind.REMOVE, Kind.TAKE_PLACE})
