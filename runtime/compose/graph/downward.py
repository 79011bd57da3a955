"""``down``, ``stop``, ``rm``, ``restart``: what ends, in the reverse of the order in which it is started. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.graph.model import Kind, Present, Seen, Step
from whit.runtime.compose.graph.planning import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Before = dict[str, tuple[str, ...]]
"""Service → those that it needs."""


def end_of(plan: Plan, one: Seen, after: tuple[str, ...] = ()) -> str:
    """Stop and remove a container; the key of the last step."""
    stops = after
    if one.is_up:
        stop = Step(f"stop:{one.id}", Kind.STOP, one.name, after, one.service, one.number, one.id)
        stops = (plan.add(stop),)
    return plan.add(Step(f"remove:{one.id}", Kind.REMOVE, one.name, stops, one.service, one.number, one.id))


def depending(containers: Iterable[Seen]) -> Before:
    """Who needs whom, as containers' own labels say: a project is stopped without its file, too."""
    return {one.service: one.depends for one in containers}


def _stops(plan: Plan, chosen: tuple[Seen, ...], needs: Before, kind: Kind) -> None:
    """Stop each, after those that need it."""
    users: dict[str, list[str]] = {}
    for service, others in needs.items():
        for other in others:
            users.setdefault(other, []).append(service)
    for one in chosen:
        if not one.is_up:
            continue
        waits = (other for other in chosen if other.is_up and other.service in users.get(one.service, ()))
        after = tuple(f"stop:{other.id}" for other in waits if other.service != one.service)
        plan.add(Step(f"stop:{one.id}", kind, one.name, after, one.service, one.number, one.id))


def plan_stop(chosen: tuple[Seen, ...], needs: Before, kind: Kind = Kind.STOP) -> tuple[Step, ...]:
    """Stop those that run."""
    plan = Plan()
    _stops(plan, chosen, needs, kind)
    return plan.steps()


def plan_remove(chosen: tuple[Seen, ...], needs: Before) -> tuple[Step, ...]:
    """Stop those that run, and remove all."""
    plan = Plan()
    _stops(plan, chosen, needs, Kind.STOP)
    for one in chosen:
        _remove(plan, one)
    return plan.steps()


def _remove(plan: Plan, one: Seen) -> str:
    after = (f"stop:{one.id}",) if one.is_up else ()
    return plan.add(Step(f"remove:{one.id}", Kind.REMOVE, one.name, after, one.service, one.number, one.id))


@dataclass(frozen=True, slots=True)
class Leaving:
    """What ``down`` removes beside the containers: networks by name, volumes by name."""

    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()


def plan_down(chosen: tuple[Seen, ...], needs: Before, leaving: Leaving, present: Present) -> tuple[Step, ...]:
    """Stop and remove containers, then networks and volumes: each once those that are in it are gone."""
    plan = Plan()
    _stops(plan, chosen, needs, Kind.STOP)
    removed = {one.id: _remove(plan, one) for one in chosen}
    known = dict(present.networks)
    for name in leaving.networks:
        if name in known:
            after = tuple(removed[one.id] for one in chosen if name in one.networks)
            plan.add(Step(f"network:{name}", Kind.REMOVE_NETWORK, name, after))
    for name in leaving.volumes:
        if name in present.volumes:
            plan.add(Step(f"volume:{name}", Kind.REMOVE_VOLUME, name, tuple(removed.values())))
    return plan.steps()


def plan_start(
    chosen: tuple[Seen, ...], needs: Before, *, waits: Callable[[str], tuple[Step, ...]] = lambda _: ()
) -> tuple[Step, ...]:
    """Start those that don't run, each after those that it needs; ``waits`` are what a service waits for beside that."""
    plan = Plan()
    for one in chosen:
        if one.is_up:
            continue
        others = (other for other in chosen if other.service in needs.get(one.service, ()) and not other.is_up)
        after = tuple(f"start:{other.name}" for other in others if other.service != one.service)
        more = tuple(plan.add(step) for step in waits(one.service))
        plan.add(Step(f"start:{one.name}", Kind.START, one.name, (*after, *more), one.service, one.number, one.id))
    return plan.steps()


def plan_restart(chosen: tuple[Seen, ...], needs: Before) -> tuple[Step, ...]:
    """Stop those that run, those that need others first; then start all, the others first."""
    plan = Plan()
    _stops(plan, chosen, needs, Kind.STOP)
    stops = tuple(f"stop:{one.id}" for one in chosen if one.is_up)
    for one in chosen:
        others = (
            other for other in chosen if other.service in needs.get(one.service, ()) and other.service != one.service
        )
        after = (*(f"start:{other.name}" for other in others), *stops)
        plan.add(Step(f"start:{one.name}", Kind.START, one.name, after, one.service, one.number, one.id))
    return plan.steps()
