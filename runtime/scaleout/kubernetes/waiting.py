"""``depends_on`` → init containers, where something can wait; else it is told how it comes to the same. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.project import Condition
from whit.runtime.scaleout.kubernetes.hosting import host_of
from whit.runtime.scaleout.kubernetes.naming import label
from whit.runtime.scaleout.kubernetes.ports import ports_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.compose.project import Service
    from whit.runtime.scaleout.kubernetes.model import Context, Document

_USER = 65534


def waiting(context: Context, service: Service, within: tuple[str, ...]) -> Iterator[Document]:
    """The containers that wait for others before a service's own starts; ``within`` are the services in the same pod."""
    for one in service.dependencies:
        other = context.project.services.get(one.service)
        if other is None or one.service in within:
            continue
        here = ("services", service.name, "depends_on", one.service)
        if one.restart:
            context.tell((*here, "restart"), f"isn't restarted with {one.service}")
        if one.condition is Condition.STARTED:
            continue
        if one.condition is Condition.COMPLETED:
            context.tell(
                here,
                f"starts at once, and again until {one.service} is done: x-kubernetes: {{init: true}} of that has it wait",
            )
            continue
        port = next((one.port for one in ports_of(other) if one.protocol == "TCP"), 0)
        if not (context.options.wait_image and port):
            need = "--wait-image" if port else f"a port in expose of {one.service}, and --wait-image,"
            context.tell(here, f"starts at once, and again until {one.service} is ready: {need} has it wait")
            continue
        name = label(host_of(context.project, one.service))
        yield {
            "name": label(f"wait-for-{one.service}"),
            "image": context.options.wait_image,
            "command": ["sh", "-c", f"until nc -z -w 2 {name} {port}; do sleep 1; done"],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _USER,
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            },
        }
