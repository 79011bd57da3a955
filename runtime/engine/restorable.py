"""After the machine's restart: which containers come back, and which of them after which. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.model import Policy
from whit.runtime.engine.status import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whit.runtime.engine.model import Container
    from whit.runtime.engine.status import Status


@dataclass(frozen=True, slots=True)
class Found:
    """A container as it is found. ``needs`` are the IDs of those whose network or other namespaces it shares."""

    container: Container
    status: Status
    needs: tuple[str, ...] = ()


def comes_back(container: Container, status: Status) -> bool:
    """As docker has it after its daemon's start: ``always`` also where a person had stopped it, ``on-failure`` not at all."""
    if status.supervised or status.state is State.CREATED:
        return False
    policy = container.restart.policy
    return policy is Policy.ALWAYS or (policy is Policy.UNLESS_STOPPED and not status.stopped)


def goes_away(container: Container, status: Status) -> bool:
    """Whether ``--rm`` has it removed, and nobody was there to do it when it ended."""
    return container.remove and not status.supervised and status.state is State.EXITED


def turns(found: Mapping[str, Found]) -> Iterator[tuple[Found, ...]]:
    """Those that come back, in the order of their starts: each turn's at the same time, after those that they share something with."""
    left = {key: one for key, one in found.items() if comes_back(one.container, one.status)}
    while left:
        now = [key for key, one in left.items() if not set(one.needs) & set(left)]
        # A ring can't be started: each of it fails by itself and says why.
        chosen = now or list(left)
        yield tuple(left.pop(key) for key in chosen)
