"""``up``: what is made, made anew, started, and in which order. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass
from whit.packer.support.shortid import short_id
from whit.runtime.compose.graph.downward import end_of
from whit.runtime.compose.graph.model import Kind, Present, Seen, Step, Wanted
from whit.runtime.compose.graph.planning import Plan
from whit.runtime.compose.project import CONTAINER, Condition, digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.compose.project import Project, Service


class Recreate(StrEnum):
    """Which containers are made anew."""

    CHANGED = "changed"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Choice:
    """What of a project is to be up. ``services`` are those that are asked for, and, in a plan, all that are looked at, in order.

    ``named`` are those that a person named: what has done its one thing does it again then. ``scales`` are numbers of containers that
    differ from the file's. ``alone``: nothing that they need is waited for.
    """

    services: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    scales: tuple[tuple[str, int], ...] = ()
    recreate: Recreate = Recreate.CHANGED
    recreate_needed: bool = False
    alone: bool = False
    starts: bool = True
    orphans: bool = False
    rolling: bool = False

    def count(self, service: Service) -> int:
        """How many containers it is to have."""
        return dict(self.scales).get(service.name, service.replicas)


def standing_in(name: str, old: str) -> str:
    """What a container is called until the one whose place it takes is gone."""
    return f"{short_id(old)}_{name}"


def orphans(project: Project, present: Present) -> tuple[Seen, ...]:
    """Containers of services that the file doesn't have any more."""
    known = project.services.keys() | project.disabled
    return tuple(one for one in present.containers if one.service not in known and not one.oneoff)


def plan_up(project: Project, present: Present, wanted: Mapping[str, Wanted], choice: Choice) -> tuple[Step, ...]:
    """The steps. ``wanted`` is of each service that is looked at."""
    return _Upward(project, present, wanted, choice).steps()


class _Upward:
    """A plan for ``up`` while it is made; ``anew`` are services of which a container is replaced or restarted."""

    def __init__(self, project: Project, present: Present, wanted: Mapping[str, Wanted], choice: Choice) -> None:
        self.project, self.present, self.wanted, self.choice = project, present, wanted, choice
        self.plan = Plan()
        self.anew: set[str] = set()
        self.ready: dict[str, tuple[str, ...]] = {}
        """Service → what has to be done until its containers run."""

        self.made: dict[str, tuple[str, ...]] = {}
        """Service → what has to be done until its containers are there."""

        self.rolled: dict[str, str] = {}
        """Service → the step with which the last of its containers that was replaced without a gap is in its place."""

    def steps(self) -> tuple[Step, ...]:
        """All of them."""
        renewed = self._networks()
        self._volumes()
        for name in self.choice.services:
            self._service(self.project.services[name], renewed)
        self._restart_others(renewed)
        if self.choice.orphans:
            for one in orphans(self.project, self.present):
                end_of(self.plan, one)
        return self.plan.steps()

    # what containers need

    def _networks(self) -> frozenset[str]:
        """Those that have to be there; the names of those that are made anew, which nobody may be in then."""
        present, renewed = dict(self.present.networks), set()
        keys = {key for name in self.choice.services for key in self.project.services[name].all_networks()}
        for key in self.project.networks:
            values = self.project.networks[key] or {}
            if key not in keys or values.get("external"):
                continue
            name = self.project.network_name(key)
            if name not in present:
                self.plan.add(Step(f"network:{name}", Kind.NETWORK, name, service=key))
            elif present[name] and present[name] != digest_of(values):
                renewed.add(name)
                inside = (one for one in self.present.containers if name in one.networks and one.is_up)
                stops = tuple(self._stop(one) for one in inside)
                self.plan.add(Step(f"network:{name}", Kind.RENEW_NETWORK, name, stops, service=key))
        return frozenset(renewed)

    def _volumes(self) -> None:
        keys = {key for name in self.choice.services for key in self.project.services[name].volumes()}
        for key in sorted(keys & set(self.project.volumes)):
            name = self.project.volume_name(key)
            if not (self.project.volumes[key] or {}).get("external") and name not in self.present.volumes:
                self.plan.add(Step(f"volume:{name}", Kind.VOLUME, name, service=key))

    def _needs(self, service: Service) -> tuple[str, ...]:
        """The steps before one of its containers can be made."""
        networks = (f"network:{self.project.network_name(key)}" for key in service.all_networks())
        volumes = (f"volume:{self.project.volume_name(key)}" for key in service.volumes())
        texts = (text for text in service.values.get("volumes_from") or () if not text.startswith(CONTAINER))
        lenders = (key for text in texts for key in self.made.get(text.partition(":")[0], ()))
        return (*networks, *volumes, *lenders)

    def _waits(self, service: Service) -> tuple[str, ...]:
        """The steps before one of its containers can be started: those that it depends on are as it wants them."""
        if self.choice.alone:
            return ()
        found: list[str] = []
        for one in service.dependencies:
            if one.service not in self.choice.services:
                continue
            starts = self.ready.get(one.service, ())
            if one.condition is Condition.STARTED and one.required:
                found += starts
                continue
            key = f"wait:{one.service}:{one.condition.value}{'' if one.required else ':optional'}"
            step = Step(key, Kind.WAIT, "", starts, one.service, condition=one.condition, tolerant=not one.required)
            found.append(self.plan.add(step))
        return tuple(found)

    # containers

    def _service(self, service: Service, renewed: frozenset[str]) -> None:
        kept, extra = _sorted_out(self.present.of(service.name), self.choice.count(service), self.wanted[service.name])
        for one in extra:
            end_of(self.plan, one)
        is_restarted = any(one.restart and one.service in self.anew for one in service.dependencies)
        waits = self._waits(service) if self.choice.starts else ()
        made: list[str] = []
        ready: list[str] = []
        used = {one.number for one, _ in kept}
        free = iter(number for number in range(1, self.choice.count(service) + len(kept) + 1) if number not in used)
        for one, olds in kept:
            before = tuple(end_of(self.plan, old) for old in olds if old.id != one.replaces)
            last = self._kept(service, one, renewed, before, is_restarted=is_restarted)
            made += last
            ready += self._started(service, one, last, waits, is_restarted=is_restarted)
        for _ in range(self.choice.count(service) - len(kept)):
            number = next(free)
            name = self.project.container_name(service.name, number)
            step = Step(f"create:{name}", Kind.CREATE, name, self._needs(service), service.name, number)
            key = self.plan.add(step)
            made.append(key)
            ready += self._start(service.name, number, name, (key, *waits))
        if service.hooks:
            self._prepare(service, waits)
        self.made[service.name], self.ready[service.name] = tuple(made), tuple(ready)

    def _prepare(self, service: Service, waits: tuple[str, ...]) -> None:
        """Have what runs before a service run once its containers are there, unless one of them runs on."""
        steps = [step for step in self.plan.steps() if step.service == service.name]
        starts = [step.key for step in steps if step.kind is Kind.START]
        stops = {step.id for step in steps if step.kind is Kind.STOP}
        replaced = {step.id for step in steps if step.kind is Kind.CREATE}
        runs_on = any(one.is_up and one.id not in stops | replaced for one in self.present.of(service.name))
        is_restarted = any(one.id in stops - replaced for one in self.present.of(service.name))
        if not starts or runs_on or is_restarted:
            return
        kinds = (Kind.CREATE,) if service.name in self.rolled else (Kind.CREATE, Kind.TAKE_PLACE)
        after = (*waits, *self._needs(service), *(step.key for step in steps if step.kind in kinds))
        key = self.plan.add(Step(f"prepare:{service.name}", Kind.PREPARE, "", after, service.name))
        for start in starts:
            self.plan.also_after(start, (key,))

    def _kept(
        self, service: Service, one: Seen, renewed: frozenset[str], before: tuple[str, ...], *, is_restarted: bool
    ) -> tuple[str, ...]:
        """What has to be done until a container that is there is as it should be; nothing where it is."""
        name = self.project.container_name(service.name, one.number)
        if self._is_changed(service, one, renewed):
            self.anew.add(service.name)
            return (self._replace(service, one, name, before, renewed),)
        if is_restarted and one.is_up:
            self.anew.add(service.name)
            self._stop_before(self._stop(one), service)
        if one.name == name:
            return before
        old = next((other for other in self.present.containers if one.replaces and other.id == one.replaces), None)
        if old and self._rolls(service, old, renewed):
            return (self._roll(service, old, one.name, before, is_started=one.is_up),)
        step = Step(f"take:{name}", Kind.TAKE_PLACE, name, before, service.name, one.number, one.replaces)
        key = self.plan.add(step)
        if old and old.is_up:
            self.plan.also_after(key, (self._stop(old),))
        return (key,)

    def _rolls(self, service: Service, old: Seen, renewed: frozenset[str]) -> bool:
        """Whether this one stays until another one is well. A network that is made anew has to be empty before."""
        return self.choice.rolling and old.is_up and service.can_roll and not renewed & set(old.networks)

    def _replace(self, service: Service, one: Seen, name: str, before: tuple[str, ...], renewed: frozenset[str]) -> str:
        """Another container in its place, with its volumes without a name."""
        stops = (self._stop(one),) if one.is_up else ()
        needs = (*self._needs(service), *before)
        made = self.plan.add(Step(f"create:{name}", Kind.CREATE, name, needs, service.name, one.number, one.id))
        if self._rolls(service, one, renewed):
            return self._roll(service, one, standing_in(name, one.id), (made, *self._waits(service)))
        if stops and not renewed and not service.values.get("volumes_from"):
            # Where the new one can't be made the old one runs on. A network that is made anew has to be empty before, and who lends volumes made.
            self.plan.also_after(stops[0], (made,))
        take = Step(f"take:{name}", Kind.TAKE_PLACE, name, (made, *stops), service.name, one.number, one.id)
        return self.plan.add(take)

    def _roll(self, service: Service, old: Seen, new: str, after: tuple[str, ...], *, is_started: bool = False) -> str:
        """The new one is well, for as long as the file says, before the old one is stopped, and one after the other."""
        name, number = self.project.container_name(service.name, old.number), old.number
        after = (*after, *filter(None, (self.rolled.get(service.name),)))
        if not is_started:
            after = (self.plan.add(Step(f"start:{new}", Kind.START, new, after, service.name, number)),)
        pause = service.update_seconds
        well = Step(f"wait:{new}", Kind.WAIT, new, after, service.name, condition=Condition.HEALTHY, seconds=pause)
        self.plan.also_after(self._stop(old), (self.plan.add(well),))
        after = (f"stop:{old.id}", well.key)
        take = self.plan.add(Step(f"take:{name}", Kind.TAKE_PLACE, name, after, service.name, number, old.id))
        self.rolled[service.name] = take
        return take

    def _is_changed(self, service: Service, one: Seen, renewed: frozenset[str]) -> bool:
        if self.choice.recreate is Recreate.NONE:
            return False
        by_name = not self.choice.named or service.name in self.choice.named or self.choice.recreate_needed
        if self.choice.recreate is Recreate.ALL and by_name:
            return True
        if self.choice.recreate_needed and service.name not in self.choice.named:
            return True
        wanted = self.wanted[service.name]
        return one.hash != wanted.hash or one.image != wanted.image or bool(renewed & set(one.networks))

    def _started(
        self, service: Service, one: Seen, last: tuple[str, ...], waits: tuple[str, ...], *, is_restarted: bool
    ) -> tuple[str, ...]:
        """The step that starts a container which was there, if it has to be."""
        name = self.project.container_name(service.name, one.number)
        replaced = f"create:{name}" in last or self.plan.has(f"create:{name}")
        if self.plan.has(f"start:{standing_in(name, one.id)}") or self.plan.has(f"start:{one.name}"):
            return last
        stopped = self.plan.has(f"stop:{one.id}")
        if not replaced and not stopped and (one.is_up or self._is_done(service, one)):
            return last
        after = (*last, *waits, *((f"stop:{one.id}",) if stopped and is_restarted else ()))
        return self._start(service.name, one.number, name, after)

    def _is_done(self, service: Service, one: Seen) -> bool:
        """Whether it had one thing to do, and has done it: others wait for its end, and it came by itself and well."""
        wait_for_end = any(one.condition is Condition.COMPLETED for _, one in self.project.dependents(service.name))
        ended_well = one.has_started and not one.is_up and one.exit_code == 0 and not one.was_stopped
        return wait_for_end and ended_well and service.name not in self.choice.named

    def _start(self, service: str, number: int, name: str, after: tuple[str, ...]) -> tuple[str, ...]:
        if not self.choice.starts:
            return after
        return (self.plan.add(Step(f"start:{name}", Kind.START, name, after, service, number)),)

    def _stop(self, one: Seen) -> str:
        """Stop a container, after those that are restarted with it."""
        return self.plan.add(Step(f"stop:{one.id}", Kind.STOP, one.name, (), one.service, one.number, one.id))

    def _restart_others(self, renewed: frozenset[str]) -> None:
        """Who isn't looked at, and was stopped for a network that is made anew, or says that it is restarted with what is."""
        for name in self.project.order():
            service = self.project.services[name]
            if name in self.choice.services:
                continue
            restarted_with = [one.service for one in service.dependencies if one.restart and one.service in self.anew]
            for one in self.present.of(name):
                if not one.is_up or not (restarted_with or renewed & set(one.networks)):
                    continue
                self.anew.add(name)
                key = self._stop(one)
                self._stop_before(key, service)
                ready = (step for other in restarted_with for step in self.ready.get(other, ()))
                after = (key, *(f"network:{network}" for network in renewed), *ready)
                step = Step(f"start:{one.name}", Kind.START, one.name, after, name, one.number, one.id)
                if self.choice.starts:
                    self.ready[name] = (*self.ready.get(name, ()), self.plan.add(step))
        for one in orphans(self.project, self.present):
            if one.is_up and renewed & set(one.networks) and not self.choice.orphans:
                after = (f"stop:{one.id}", *(f"network:{network}" for network in renewed))
                self.plan.add(Step(f"start:{one.name}", Kind.START, one.name, after, one.service, one.number, one.id))

    def _stop_before(self, key: str, service: Service) -> None:
        """Have those that the service is restarted with stop after it."""
        for other in service.dependencies:
            for needed in self.present.of(other.service) if other.restart else ():
                if self.plan.has(f"stop:{needed.id}"):
                    self.plan.also_after(f"stop:{needed.id}", (key,))


def _sorted_out(
    seen: tuple[Seen, ...], count: int, wanted: Wanted
) -> tuple[list[tuple[Seen, tuple[Seen, ...]]], list[Seen]]:
    """(those that stay, each with others of its number, which an ``up`` that was cut off has left; those that are too many)."""
    by_number: dict[int, list[Seen]] = {}
    for one in seen:
        by_number.setdefault(one.number, []).append(one)
    kept: list[tuple[Seen, tuple[Seen, ...]]] = []
    extra: list[Seen] = []
    for number in sorted(by_number):
        group = by_number[number]
        if len(kept) >= count:
            extra += group
            continue
        fitting = [one for one in group if (one.hash, one.image) == (wanted.hash, wanted.image)]
        # What was to take another's place and doesn't fit any more is of no use; the one that it was to replace is.
        chosen = fitting[0] if fitting else next((one for one in group if not one.replaces), group[0])
        kept.append((chosen, tuple(one for one in group if one is not chosen)))
    return kept, extra
