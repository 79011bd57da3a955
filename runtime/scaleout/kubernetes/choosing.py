"""What keeps a service's pods: a Deployment, StatefulSet, DaemonSet or Job. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.project import Condition
from whit.runtime.scaleout.kubernetes.extension import KEY, service_wishes
from whit.runtime.scaleout.kubernetes.hosting import host_of
from whit.runtime.scaleout.kubernetes.model import Kind
from whit.runtime.scaleout.kubernetes.storage import owned_volumes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.compose.project import Project, Service, Values
    from whit.runtime.scaleout.kubernetes.extension import ServiceWishes
    from whit.runtime.scaleout.kubernetes.model import Context


@dataclass(frozen=True, slots=True)
class Restart:
    """``word`` is ``no``, ``on-failure`` or ``always``, or nothing where the file doesn't say; ``most`` how often, 0 for no limit."""

    word: str
    most: int = 0


@dataclass(frozen=True, slots=True)
class Role:
    """How a service is on Kubernetes. ``is_init``: it has no pods of its own, but runs first in those of who waits for its end."""

    kind: Kind
    wishes: ServiceWishes
    restart: Restart
    owned: tuple[str, ...] = ()
    is_init: bool = False
    beside: str = ""
    """The service in whose pods it runs, beside that one's program."""


def role_of(context: Context, service: Service) -> Role:
    """What keeps it. Raises :class:`WhitError` with the place of what contradicts that."""
    wishes = service_wishes(context, service.name)
    restart = restart_of(service)
    ends = waits_for_end(context.project, service.name)
    host = host_of(context.project, service.name)
    if host != service.name:
        return _beside(context, service, host, wishes, restart)
    if wishes.init and not ends:
        raise context.refused(
            ("services", service.name, KEY, "init"), "nobody waits for its end",
            "depends_on with condition: service_completed_successfully",
        )  # fmt: skip
    if wishes.schedule and (ends or wishes.init):
        raise context.refused(
            ("services", service.name, KEY, "schedule"), "it is run again and again, and others can't wait for its end",
            "two services",
        )  # fmt: skip
    kind = Kind.JOB if wishes.init else wishes.kind or _usual(context, service, restart, has_end=bool(ends))
    owned = owned_volumes(context, service) if kind is Kind.STATEFUL else ()
    if wishes.autoscale and kind not in {Kind.DEPLOYMENT, Kind.STATEFUL}:
        raise context.refused(("services", service.name, KEY, "autoscale"), f"a {kind} isn't scaled", "take it out")
    return Role(kind, wishes, restart, owned, wishes.init)


def _beside(context: Context, service: Service, host: str, wishes: ServiceWishes, restart: Restart) -> Role:
    here = ("services", service.name)
    kept = service_wishes(context, host)
    if kept.init or kept.schedule or kept.kind is Kind.JOB or waits_for_end(context.project, host):
        raise context.refused((*here, "network_mode"), f"{host}'s pods end", "put both into one program")
    if waits_for_end(context.project, service.name):
        raise context.refused(
            (*here, "network_mode"), "others wait for its end", "x-kubernetes: {init: true} without it"
        )
    keys = ("schedule", "kind", "init", "autoscale", "ingress", "publish", "service_account")
    said = next((key for key in keys if getattr(wishes, key)), "")
    if said:
        raise context.refused((*here, KEY, said), f"it is in {host}'s pods", f"say it of {host}")
    if service.values.get("expose"):
        context.tell((*here, "expose"), f"only what {host} exposes is its Service's")
    if service.replicas not in {1, context.project.services[host].replicas}:
        context.tell(here, f"there are as many as there are pods of {host}")
    return Role(Kind.DEPLOYMENT, wishes, restart, beside=host)


def _usual(context: Context, service: Service, restart: Restart, *, has_end: bool) -> Kind:
    if str((service.values.get("deploy") or {}).get("mode") or "") == "global":
        return Kind.DAEMON
    serves = service.values.get("ports") or service.values.get("expose") or service.has_probe
    if has_end or (restart.word == "no" and not serves and not context.project.dependents(service.name)):
        return Kind.JOB
    return Kind.STATEFUL if owned_volumes(context, service) else Kind.DEPLOYMENT


def waits_for_end(project: Project, name: str) -> tuple[str, ...]:
    """The services that wait for this one to have ended well."""
    return tuple(other for other, how in project.dependents(name) if how.condition is Condition.COMPLETED)


def runs_first(project: Project, roles: Mapping[str, Role], name: str) -> tuple[str, ...]:
    """The services that run in another one's pods before it, those that they need in the same way included; in order."""
    found: set[str] = set()
    todo = [name]
    while todo:
        for one in project.services[todo.pop()].dependencies:
            role = roles.get(one.service)
            if role and role.is_init and one.condition is Condition.COMPLETED and one.service not in found:
                found.add(one.service)
                todo.append(one.service)
    return tuple(other for other in project.order() if other in found) if found else ()


def restart_of(service: Service) -> Restart:
    """What a file says of restarts, whichever way."""
    policy: Values = (service.values.get("deploy") or {}).get("restart_policy") or {}
    if policy:
        words = {"none": "no", "on-failure": "on-failure"}
        return Restart(words.get(str(policy.get("condition") or "any"), "always"), int(policy.get("max_attempts") or 0))
    word, _, most = str(service.values.get("restart") or "").partition(":")
    if word in {"", "no", "on-failure"}:
        return Restart(word, int(most) if most.isdigit() else 0)
    return Restart("always")
