"""What has become of a service: is it as it was asked for, is it on its way, or will it never be. Pure.

A task counts once Swarm shows it running, which for one with a health check means: healthy (docs.docker.com, Swarm task states).
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    Object = Mapping[str, Any]

MOST_FAILURES = 3
"""So many failed tasks of a place in a row, and nobody waits for it any longer."""
_DEAD = frozenset(("failed", "rejected"))
_CHANGING = frozenset(("updating", "rollback_started"))
_STOPPED = frozenset(("paused", "rollback_paused", "rollback_completed"))


class Outcome(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    CONVERGED = "converged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``have`` of ``want`` tasks are there; ``why`` is what keeps the others back; ``tasks`` are those that are there."""

    outcome: Outcome
    have: int
    want: int
    why: str = ""
    tasks: tuple[str, ...] = ()


def judge(service: Object, tasks: Sequence[Object], nodes: Mapping[str, str]) -> Verdict:
    """How far a service is. ``tasks`` are all of its; ``nodes`` are names by ID."""
    spec = service["Spec"]
    wanted = _wanted(spec["Mode"], tasks)
    current = [one for one in tasks if _is_current(one, service)]
    done = [one for one in current if _state(one) == ("complete" if is_job(spec) else "running") and _lives(one, spec)]
    ids = tuple(sorted(one["ID"] for one in done))
    why = _why(spec["Name"], tasks, nodes)
    state = (service.get("UpdateStatus") or {}).get("State") or ""
    if state in _STOPPED:
        text = "rolled back" if state == "rollback_completed" else "the update stopped"
        message = (service.get("UpdateStatus") or {}).get("Message") or ""
        return Verdict(Outcome.FAILED, len(ids), wanted, "; ".join(filter(None, (text, why or message))), ids)
    if state not in _CHANGING and len(ids) == wanted and not _too_many(spec, tasks, ids):
        return Verdict(Outcome.CONVERGED, len(ids), wanted, tasks=ids)
    # An update deals with its failures itself, unless it was told to go on whatever happens.
    goes_on = (spec.get("UpdateConfig") or {}).get("FailureAction") == "continue"
    if (state not in _CHANGING or goes_on) and _is_hopeless(service, current):
        return Verdict(Outcome.FAILED, len(ids), wanted, why, ids)
    return Verdict(Outcome.WAITING, len(ids), wanted, why, ids)


def _wanted(mode: Object, tasks: Sequence[Object]) -> int:
    """Of a global service: as many as Swarm has made, which is one for each node that takes it."""
    if "Replicated" in mode:
        return int(mode["Replicated"].get("Replicas", 1))
    if "ReplicatedJob" in mode:
        return int(mode["ReplicatedJob"].get("TotalCompletions", 1))
    alive = {one.get("NodeID") for one in tasks if one.get("DesiredState") in {"running", "complete"}}
    return max(len(alive), 1)


def is_job(spec: Object) -> bool:
    """Whether it is done once its tasks have ended well."""
    return bool({"ReplicatedJob", "GlobalJob"} & set(spec["Mode"]))


def _is_current(task: Object, service: Object) -> bool:
    """Whether a task is of the service as it is now: of a job's last run, of others of the same template."""
    if is_job(service["Spec"]):
        run = ((service.get("JobStatus") or {}).get("JobIteration") or {}).get("Index", 0)
        return bool((task.get("JobIteration") or {}).get("Index", 0) == run)
    return _template(task.get("Spec") or {}) == _template(service["Spec"]["TaskTemplate"])


def _template(spec: Object) -> tuple[Any, ...]:
    return *(spec.get(key) or None for key in ("ContainerSpec", "Resources", "LogDriver")), int(
        spec.get("ForceUpdate") or 0
    )


def _lives(task: Object, spec: Object) -> bool:
    """Whether a task is to run on; those of nodes that are gone aren't."""
    return is_job(spec) or task.get("DesiredState") == "running"


def _too_many(spec: Object, tasks: Sequence[Object], ids: Sequence[str]) -> bool:
    """Whether others still run that are no longer wanted."""
    return not is_job(spec) and any(
        _state(one) == "running" and one.get("DesiredState") == "running" and one["ID"] not in ids for one in tasks
    )


def _state(task: Object) -> str:
    return str((task.get("Status") or {}).get("State") or "")


def _place(task: Object) -> object:
    return task.get("Slot") or task.get("NodeID")


def _is_hopeless(service: Object, current: Sequence[Object]) -> bool:
    """Whether some place's last tasks have all failed since the service was changed, or its only one has and isn't tried again."""
    policy = service["Spec"]["TaskTemplate"].get("RestartPolicy") or {}
    most = policy.get("MaxAttempts")
    limit = 1 if policy.get("Condition") == "none" else min(MOST_FAILURES, int(most) + 1) if most else MOST_FAILURES
    since = str(service.get("UpdatedAt") or "")
    places: dict[object, list[str]] = {}
    for one in sorted(current, key=lambda task: str(task.get("CreatedAt") or ""), reverse=True):
        if str(one.get("CreatedAt") or "") >= since:
            places.setdefault(one.get("Slot") or one.get("NodeID"), []).append(_state(one))
    return any(_failures(states) >= limit for states in places.values())


def _failures(states: Sequence[str]) -> int:
    """How many of the last have failed, before one that ran; those that are on their way don't count."""
    count = 0
    for state in states:
        if state in _DEAD:
            count += 1
        elif state in {"running", "complete"}:
            break
    return count


def _why(name: str, tasks: Sequence[Object], nodes: Mapping[str, str]) -> str:
    """The last thing that a task complained of, and where."""
    complaints = [one for one in tasks if (one.get("Status") or {}).get("Err") and _state(one) != "running"]
    if not complaints:
        return ""
    last = max(complaints, key=lambda one: str(one["Status"].get("Timestamp") or ""))
    node = nodes.get(str(last.get("NodeID") or ""), "")
    task = f"{name}.{last['Slot']}" if last.get("Slot") else name
    return f"{task}{f' on {node}' if node else ''}: {last['Status']['Err']}"
