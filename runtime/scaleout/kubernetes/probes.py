"""Health checks → probes. Pure.

A container that isn't healthy gets no requests (readiness), as with Compose nobody waits for it any longer; it is restarted
for that (liveness) only if ``x-kubernetes: {liveness: true}`` says so.
"""

from __future__ import annotations

from whit.packer.image.probes import parse_target
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.project import is_off
from whit.runtime.scaleout.kubernetes.quantities import seconds

if TYPE_CHECKING:
    from whit.runtime.compose.project import Service, Values
    from whit.runtime.scaleout.kubernetes.extension import ServiceWishes
    from whit.runtime.scaleout.kubernetes.model import Context, Document

_INTERVAL = _TIMEOUT = 30
_RETRIES = 3
"""What holds where the file says nothing (compose-spec, healthcheck; docker's defaults)."""


def probes_of(context: Context, service: Service, wishes: ServiceWishes) -> Document:
    """``readinessProbe``, and the two others if they are wanted. Raises :class:`UsageError`, :class:`UnsupportedError`."""
    check: Values = service.values.get("healthcheck") or {}
    here = ("services", service.name, "healthcheck")
    if not check or is_off(check):
        if wishes.liveness:
            raise context.refused(here, "there is no check that could tell whether it lives", "give it a healthcheck")
        return {}
    action = _action(context, here, check)
    if not action:
        context.tell(here, "the image's own check isn't known here: say test, x-http or x-tcp")
        return {}
    period = max(1, seconds(check.get("interval"), _INTERVAL))
    retries = max(1, int(check.get("retries") or _RETRIES))
    times = {
        "periodSeconds": period,
        "timeoutSeconds": max(1, seconds(check.get("timeout"), _TIMEOUT)),
        "failureThreshold": retries,
    }
    made: Document = {"readinessProbe": {**action, **times}}
    if wishes.liveness:
        made["livenessProbe"] = {**action, **times}
        start = seconds(check.get("start_period"), 0)
        if start:
            made["startupProbe"] = {**action, **times, "failureThreshold": -(-start // period) + retries}
    return made


def _action(context: Context, here: tuple[str, ...], check: Values) -> Document:
    for kind in ("http", "tcp"):
        if check.get(f"x-{kind}"):
            told = ".".join((*here, f"x-{kind}"))
            address, port, path = parse_target(kind, str(check[f"x-{kind}"]), told)
            if address not in {"127.0.0.1", "::1"}:
                raise context.refused(
                    (*here, f"x-{kind}"), "a pod is probed at its own address", f"write :{port}{path}"
                )
            return {"httpGet": {"path": path, "port": port}} if kind == "http" else {"tcpSocket": {"port": port}}
    test = [str(word) for word in check.get("test") or ()]
    if test[:1] == ["CMD-SHELL"]:
        return {"exec": {"command": ["/bin/sh", "-c", *test[1:]]}}
    words = test[1:] if test[:1] == ["CMD"] else test
    return {"exec": {"command": words}} if words else {}
