"""A step → the engine's own functions, in this process."""

from __future__ import annotations

import threading
import time
from functools import partial

from whit.packer.support.errors import LaunchError, NotFoundError, UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose import labels
from whit.runtime.compose.graph.model import Kind
from whit.runtime.compose.graph.upward import standing_in
from whit.runtime.compose.project import Condition, Service, digest_of
from whit.runtime.compose.running import hooks
from whit.runtime.compose.running.executing import StaysError
from whit.runtime.engine import ending, lifecycle
from whit.runtime.engine.folder import Containers
from whit.runtime.engine.status import Health, State, read_status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from whit.packer.store.store import Store
    from whit.runtime.compose.graph.model import Step
    from whit.runtime.compose.keys import Where
    from whit.runtime.compose.project import Project
    from whit.runtime.compose.running.contents import Contents
    from whit.runtime.engine.folder import Kept
    from whit.runtime.engine.status import Status

_POLL_S, _LONGEST_POLL_S = 0.002, 0.05


@dataclass(frozen=True, slots=True)
class Making:
    """What containers are made of: the project, its files' contents, and the hash of each service."""

    project: Project
    where: Where
    contents: Contents
    hashes: Mapping[str, str]
    renews_volumes: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """How containers end: seconds that a person gave, -1 for ever; whether volumes without a name go with them; a signal.

    ``removed`` are those that are removed once they have stopped.
    """

    seconds: int | None = None
    volumes: bool = False
    signal: int | None = None
    removed: frozenset[str] = frozenset()


_SECTIONS = {
    Kind.CREATE: "services",
    Kind.START: "services",
    Kind.NETWORK: "networks",
    Kind.RENEW_NETWORK: "networks",
    Kind.VOLUME: "volumes",
}
"""Of a file, in which it stands what a step makes."""


class Acting:
    """Does steps. Without ``making`` nothing can be made."""

    def __init__(self, store: Store, making: Making | None = None, end: Ending = Ending()) -> None:  # noqa: B008 - frozen
        self.store, self.making, self.end = store, making, end
        self.containers = Containers(store.root)
        self.left = threading.Event()
        """Set when nobody wants to wait for anything any more."""

        self._ports: set[int] = set()
        self._choosing = threading.Lock()
        self._does: Mapping[Kind, Callable[[Step], object]] = {
            Kind.NETWORK: self._network,
            Kind.RENEW_NETWORK: self._renew_network,
            Kind.VOLUME: self._volume,
            Kind.CREATE: self._create,
            Kind.TAKE_PLACE: self._take_place,
            Kind.PREPARE: self._prepare,
            Kind.START: self._start,
            Kind.STOP: self._stop,
            Kind.KILL: self._kill,
            Kind.REMOVE: self._remove,
            Kind.WAIT: self._wait,
            Kind.REMOVE_NETWORK: self._remove_network,
            Kind.REMOVE_VOLUME: self._remove_volume,
        }

    @property
    def root(self) -> Path:
        """The store's."""
        return self.store.root

    def __call__(self, step: Step) -> None:
        """Do it. Raises :class:`WhitError`, with the place in the file of what can't be made."""
        section = _SECTIONS.get(step.kind)
        if self.making is None or section is None:
            self._does[step.kind](step)
            return
        from whit.runtime.compose.values import telling  # noqa: PLC0415 - who only stops needs none of it

        project = self.making.project
        known = {"services": project.services, "networks": project.networks, "volumes": project.volumes}[section]
        values = known.get(step.service)
        own = values.values if isinstance(values, Service) else values
        with telling(self.making.where, (section, step.service), own, is_file=False):
            self._does[step.kind](step)

    def _made_of(self) -> Making:
        if self.making is None:
            raise WhitError("nothing can be made without the project's file", hint="name it: -f FILE")
        return self.making

    # networks and volumes

    def _network(self, step: Step) -> None:
        from whit.runtime.compose.networking import new_network  # noqa: PLC0415 - not for each command
        from whit.runtime.engine.networks.managing import create  # noqa: PLC0415

        project = self._made_of().project
        values = project.networks[step.service] or {}
        own = {labels.PROJECT: project.name, labels.NETWORK: step.service, labels.HASH: digest_of(values)}
        create(self.root, new_network(step.name, values, own))

    def _renew_network(self, step: Step) -> None:
        from whit.runtime.engine.networks.managing import remove  # noqa: PLC0415 - as above

        remove(self.root, step.name)
        self._network(step)

    def _remove_network(self, step: Step) -> None:
        from whit.runtime.engine.networks import folder  # noqa: PLC0415 - as above
        from whit.runtime.engine.networks.managing import remove  # noqa: PLC0415

        try:
            remove(self.root, step.name)
        except WhitError as error:
            if folder.is_leased(self.root, step.name):
                raise StaysError(error.message, hint=error.hint) from None
            raise

    def _volume(self, step: Step) -> None:
        from whit.runtime.compose.mounting import pairs  # noqa: PLC0415 - as above
        from whit.runtime.engine.volumes import Volumes, new_volume  # noqa: PLC0415

        project = self._made_of().project
        values = project.volumes[step.service] or {}
        own = {labels.PROJECT: project.name, labels.VOLUME: step.service}
        volumes = Volumes(self.root)
        with volumes.using():
            wanted = (*pairs(values.get("labels") or {}), *own.items())
            volumes.make(new_volume(step.name, pairs(values.get("driver_opts") or {}), wanted))

    def _remove_volume(self, step: Step) -> None:
        from whit.runtime.engine.volumes import Volumes  # noqa: PLC0415 - as above

        try:
            Volumes(self.root).remove(step.name, self.containers.list)
        except UsageError as error:
            # The one that a container of somebody else's has.
            raise StaysError(error.message, hint=error.hint) from None

    # containers

    def _create(self, step: Step) -> None:
        from whit.runtime.compose.running.creating import create  # noqa: PLC0415 - who only stops needs none of it

        making = self._made_of()
        old = self.containers.find(step.id) if step.id else None
        name = standing_in(step.name, step.id) if step.id else step.name
        had = {one.host_port for one in self.containers.published(old)} if old else set()
        create(self.store, making, step, name, old, partial(self._free_port, had))

    def _free_port(self, had: set[int], ports: range, number: int) -> int:
        """The one that the container before ``had``, or one that nobody has, the container's own place in the range first."""
        for kept in sorted(had.intersection(ports)):
            had.remove(kept)
            return kept
        from whit.runtime.compose.running.creating import is_free  # noqa: PLC0415 - for ranges alone

        start = (number - 1) % len(ports)
        with self._choosing:
            for at in (*range(start, len(ports)), *range(start)):
                port: int = ports[at]
                if port not in self._ports and is_free(port):
                    self._ports.add(port)
                    return port
        first: int = ports[start]
        return first

    def _take_place(self, step: Step) -> None:
        """The new one has the old one's name once that is gone."""
        if step.id:
            self._gone(step.id)
            new = self.containers.find(standing_in(step.name, step.id))
        else:
            new = self._misnamed(step)
        lifecycle_rename(self.containers, new, step.name)

    def _misnamed(self, step: Step) -> Kept:
        suffix = f"_{step.name}"
        found = next((one for one in self.containers.list() if one.container.name.endswith(suffix)), None)
        if found is None:
            raise NotFoundError(f"there is no container {step.name}", hint="try again")
        return found

    def _gone(self, container_id: str) -> None:
        try:
            old = self.containers.find(container_id)
        except NotFoundError:
            return
        ending.remove(self.containers, old, force=True, volumes=bool(self.making and self.making.renews_volumes))

    def _prepare(self, step: Step) -> None:
        from whit.runtime.compose.running.preparing import prepare  # noqa: PLC0415 - few services have hooks

        making = self._made_of()
        idle = [one for one in self._of_service(step.service) if not one.status.is_up]
        lender = min(idle, key=lambda one: int(dict(one.container.labels)[labels.NUMBER]), default=None)
        if lender is None:
            raise NotFoundError(f"service {step.service} has no container to be started", hint="try again")
        prepare(self.store, making, self.containers, making.project.services[step.service], lender, self.left)

    def _start(self, step: Step) -> None:
        kept = self.containers.find(step.id or step.name)
        was_up = kept.status.is_up
        lifecycle.start_stopped(self.containers, kept)
        if self.making and not was_up:
            hooks.run_hooks(self.making.project, step.service, kept, "post_start")

    def _stop(self, step: Step) -> None:
        try:
            kept = self.containers.find(step.id)
            if self.making and kept.status.is_running:
                hooks.run_hooks(self.making.project, step.service, kept, "pre_stop", pardoned=True)
            stop = ending.stop_for_good if step.id in self.end.removed else ending.stop
            stop(kept, self.end.seconds, self.end.signal)
        except NotFoundError:
            # It has gone by itself just now.
            return

    def _kill(self, step: Step) -> None:
        kept = self.containers.find(step.id)
        try:
            if kept.status.is_running:
                ending.kill(kept, self.end.signal or 9)
        except LaunchError:
            # It has ended just now.
            if kept.status.is_running:
                raise

    def _remove(self, step: Step) -> None:
        try:
            kept = self.containers.find(step.id)
            ending.remove(self.containers, kept, force=True, volumes=self.end.volumes)
        except NotFoundError:
            return

    # waiting

    def _wait(self, step: Step) -> None:
        waited = [self.containers.find(step.name)] if step.name else self._of_service(step.service)
        for kept in waited:
            wait_for(kept, step.condition or Condition.STARTED, self.left)
        if step.seconds:
            self.left.wait(step.seconds)
            for kept in waited:
                wait_for(kept, step.condition or Condition.STARTED, self.left)

    def _of_service(self, service: str) -> list[Kept]:
        project = self._made_of().project.name
        wanted = {(labels.PROJECT, project), (labels.SERVICE, service), (labels.ONEOFF, "False")}
        return [one for one in self.containers.list() if wanted <= set(one.container.labels)]


def lifecycle_rename(containers: Containers, kept: Kept, name: str) -> None:
    """Give a container its name, also among its neighbours if it runs."""
    if kept.container.name == name:
        return
    from whit.runtime.engine.membership import rename  # noqa: PLC0415 - few are renamed

    rename(containers, kept, name)


def wait_for(kept: Kept, condition: Condition, left: threading.Event, until: float | None = None) -> None:
    """Until a container is as others want it. Raises :class:`LaunchError` when it never will be, or ``until`` has come."""
    pause = _POLL_S
    while not _is_so(kept, read_status(kept.folder), condition):
        if left.wait(pause):
            raise LaunchError(f"container {kept.container.name} isn't waited for any more", exit_code=1)
        if until is not None and time.monotonic() > until:
            raise LaunchError(
                f"container {kept.container.name} isn't {_WORDS[condition]} yet",
                hint=f"whit logs {kept.container.name}; --wait-timeout gives it more time",
                exit_code=1,
            )
        pause = min(pause * 1.5, _LONGEST_POLL_S)


_WORDS = {Condition.STARTED: "running", Condition.HEALTHY: "healthy", Condition.COMPLETED: "done"}


def _is_so(kept: Kept, status: Status, condition: Condition) -> bool:
    name, see = kept.container.name, f"whit logs {kept.container.name} shows what it wrote"
    ended = not status.is_up and status.state is State.EXITED
    if condition is Condition.COMPLETED:
        if ended and status.exit_code:
            raise LaunchError(f"container {name} has failed: it ended with {status.exit_code}", hint=see, exit_code=1)
        return ended
    if ended or (not status.supervised and status.state is State.CREATED):
        raise LaunchError(f"container {name} has ended with {status.exit_code}", hint=see, exit_code=1)
    if condition is Condition.STARTED:
        return status.is_running
    if kept.container.probe is None:
        raise LaunchError(
            f"container {name} has nothing that tells its health", hint="give its service a healthcheck", exit_code=1
        )
    if status.health is Health.UNHEALTHY:
        raise LaunchError(
            f"container {name} is unhealthy", hint=f"whit inspect {name} shows what its probe said", exit_code=1
        )
    return status.health is Health.HEALTHY
