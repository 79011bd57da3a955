"""How pods find each other: Services by all the names that they have in Compose. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes import published
from whit.runtime.scaleout.kubernetes.model import Kind
from whit.runtime.scaleout.kubernetes.naming import label, labels, metadata
from whit.runtime.scaleout.kubernetes.ports import entries, ports_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.compose.project import Service
    from whit.runtime.scaleout.kubernetes.choosing import Role
    from whit.runtime.scaleout.kubernetes.model import Context, Document


def services_of(context: Context, service: Service, role: Role) -> Iterator[Document]:
    """By its name, by each other name that it has, and from outside if that is wished for.

    Without known ports, for StatefulSets, and with ``endpoint_mode: dnsrr`` the name stands for every pod's address, as in Compose.
    """
    ports = ports_of(service)
    if role.kind.ends and not ports:
        return
    name = label(service.name)
    if name != service.name:
        context.tell(("services", service.name), f"is called {name}: others that say {service.name} don't find it")
    mode = str((service.values.get("deploy") or {}).get("endpoint_mode") or "")
    is_headless = not ports or role.kind is Kind.STATEFUL or mode == "dnsrr"
    listed = entries(ports)
    spec: Document = {"selector": labels(context.project, service.name), **({"ports": listed} if listed else {})}
    spec |= {"clusterIP": "None"} if is_headless else {"type": "ClusterIP"}
    if role.kind is Kind.STATEFUL:
        # Those of one cluster wait for each other, and get well only together. In Compose all that runs has its name, too.
        spec["publishNotReadyAddresses"] = True
    for each in (name, *_other_names(context, service)):
        yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata(context, each, service.name), "spec": spec}
    yield from published.objects_of(context, service, role)


def _other_names(context: Context, service: Service) -> list[str]:
    found: dict[str, None] = {}
    for key, use in service.networks.items():
        for alias in (use or {}).get("aliases") or ():
            _take(context, ("services", service.name, "networks", key, "aliases"), str(alias), found)
    if service.container_name:
        _take(context, ("services", service.name, "container_name"), service.container_name, found)
    for other, _ in context.project.dependents(service.name):
        for text in context.project.services[other].values.get("links") or ():
            name, _, alias = str(text).partition(":")
            if name == service.name and alias:
                _take(context, ("services", other, "links"), alias, found)
                context.tell(("services", other, "links"), f"all find {service.name} as {alias}")
    found.pop(label(service.name), None)
    return list(found)


def _take(context: Context, path: tuple[str, ...], name: str, found: dict[str, None]) -> None:
    if label(name) == name:
        found[name] = None
    else:
        context.tell(path, f"Kubernetes can't have a Service {name[:60]}")
