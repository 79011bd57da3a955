"""A service → the object that keeps its pods, and what scales it. Pure."""

from __future__ import annotations

import json
from hashlib import sha256

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes import claims
from whit.runtime.scaleout.kubernetes.choosing import restart_of
from whit.runtime.scaleout.kubernetes.extension import KEY
from whit.runtime.scaleout.kubernetes.model import Kind
from whit.runtime.scaleout.kubernetes.naming import is_key, label, labels, metadata
from whit.runtime.scaleout.kubernetes.quantities import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.compose.project import Service, Values
    from whit.runtime.scaleout.kubernetes.choosing import Role
    from whit.runtime.scaleout.kubernetes.model import Context, Document
    from whit.runtime.scaleout.kubernetes.pods import Pod

_RETRIES = 6
_DIGITS = 8


def objects_of(context: Context, service: Service, role: Role, pod: Pod) -> Iterator[Document]:
    """The Deployment, StatefulSet, DaemonSet or Job, and a HorizontalPodAutoscaler if one is wished for."""
    tell_policies(context, service, role)
    if role.kind.ends:
        yield _cron_job(context, service, role, pod) if role.kind is Kind.CRON else _job(context, service, role, pod)
        return
    name = label(service.name)
    spec: Document = {"selector": {"matchLabels": labels(context.project, service.name)}, "template": pod.template}
    if role.kind is not Kind.DAEMON and not role.wishes.autoscale:
        spec = {"replicas": service.replicas, **spec}
    spec |= _updating(context, service, role, pod)
    if role.kind is Kind.STATEFUL:
        spec |= {"serviceName": name, "volumeClaimTemplates": [claims.template(context, key) for key in role.owned]}
        if service.replicas > 1 or role.wishes.autoscale:
            for key in role.owned:
                context.tell(
                    ("services", service.name, "volumes"), f"each pod has a {key} of its own; in Compose they share one"
                )
    head = metadata(context, name, service.name, _annotations(context, service))
    yield {"apiVersion": "apps/v1", "kind": str(role.kind), "metadata": head, "spec": spec}
    if role.wishes.autoscale:
        yield _scaler(context, service, role)


def _job(context: Context, service: Service, role: Role, pod: Pod) -> Document:
    """A Job can't be changed: its name has a digest of its template, so that another one is another Job."""
    text = json.dumps(pod.template, sort_keys=True, separators=(",", ":"))
    name = f"{label(service.name)}-{sha256(text.encode()).hexdigest()[:_DIGITS]}"
    head = metadata(context, name, service.name, _annotations(context, service))
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": head, "spec": _ending(service, role, pod)}


def _cron_job(context: Context, service: Service, role: Role, pod: Pod) -> Document:
    head = metadata(context, label(service.name), service.name, _annotations(context, service))
    spec: Document = {"schedule": role.wishes.schedule}
    if role.wishes.concurrency:
        spec["concurrencyPolicy"] = role.wishes.concurrency
    job = {"metadata": {"labels": labels(context.project, service.name)}, "spec": _ending(service, role, pod)}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": head, "spec": {**spec, "jobTemplate": job}}


def _ending(service: Service, role: Role, pod: Pod) -> Document:
    """A Job's ``spec``."""
    retries = 0 if role.restart.word in {"", "no"} else role.restart.most or _RETRIES
    spec: Document = {"backoffLimit": retries, "template": pod.template}
    if service.replicas != 1:
        spec = {"completions": service.replicas, "parallelism": service.replicas, **spec}
    return spec


def _annotations(context: Context, service: Service) -> dict[str, str]:
    """``deploy.labels``, whose values labels of Kubernetes couldn't hold."""
    made: dict[str, str] = {}
    for key, value in ((service.values.get("deploy") or {}).get("labels") or {}).items():
        if is_key(str(key)):
            made[str(key)] = str(value)
        else:
            context.tell(("services", service.name, "deploy", "labels"), f"Kubernetes can't have '{str(key)[:60]}'")
    return made


def _updating(context: Context, service: Service, role: Role, pod: Pod) -> Document:
    """``update_config``; without it Kubernetes' own way, but one after the other where a volume can't be had by two."""
    config: Values = (service.values.get("deploy") or {}).get("update_config") or {}
    made: Document = {}
    delay = seconds(config.get("delay"), 0)
    if delay:
        made["minReadySeconds"] = delay
    if role.kind is Kind.DEPLOYMENT and claims.is_single(context, pod.members):
        return {**made, "strategy": {"type": "Recreate"}}
    if not config or role.kind is Kind.STATEFUL:
        return made
    at_once = int(config.get("parallelism", 1)) or "100%"
    starts_first = config.get("order") == "start-first"
    rolling = {"maxSurge": at_once if starts_first else 0, "maxUnavailable": 0 if starts_first else at_once}
    word = "updateStrategy" if role.kind is Kind.DAEMON else "strategy"
    return {**made, word: {"type": "RollingUpdate", "rollingUpdate": rolling}}


def tell_policies(context: Context, service: Service, role: Role) -> None:
    """Note what of ``deploy`` and ``restart`` is otherwise on Kubernetes."""
    here = ("services", service.name)
    restart = restart_of(service)
    if role.kind.ends:
        if restart.word == "always":
            context.tell(here, f"is a {role.kind}: it isn't run again once it has ended well")
    elif restart.word != "always":
        said = f"restart: {restart.word}" if restart.word else "no restart"
        context.tell(here, f"{said} in the file; a {role.kind} restarts it whenever it ends")


def _scaler(context: Context, service: Service, role: Role) -> Document:
    scale = role.wishes.autoscale
    assert scale is not None  # noqa: S101 - asked before
    reserved: Values = (service.values.get("deploy") or {}).get("resources") or {}
    both = {**(reserved.get("limits") or {}), **(reserved.get("reservations") or {})}
    has = {
        "cpu": both.get("cpus")
        or service.values.get("cpus")
        or service.values.get("cpu_quota")
        or service.values.get("cpu_shares"),
        "memory": both.get("memory") or service.values.get("mem_limit") or service.values.get("mem_reservation"),
    }
    metrics = []
    for name, percent in (("cpu", scale.cpu), ("memory", scale.memory)):
        if percent and not has[name]:
            path = ("services", service.name, KEY, "autoscale", name)
            raise context.refused(
                path, "it is a percentage of what is reserved, and nothing is", "deploy.resources.reservations"
            )
        if percent:
            target = {"type": "Utilization", "averageUtilization": percent}
            metrics.append({"type": "Resource", "resource": {"name": name, "target": target}})
    name = label(service.name)
    reference = {"apiVersion": "apps/v1", "kind": str(role.kind), "name": name}
    spec = {"scaleTargetRef": reference, "minReplicas": scale.least, "maxReplicas": scale.most, "metrics": metrics}
    head = metadata(context, name, service.name)
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": head, "spec": spec}
