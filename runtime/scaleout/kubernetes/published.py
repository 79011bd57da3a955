"""What is reached from outside of the cluster: Services with ports of nodes or balancers, and Ingresses. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes.extension import KEY
from whit.runtime.scaleout.kubernetes.model import Publish, filled
from whit.runtime.scaleout.kubernetes.naming import label, labels, metadata
from whit.runtime.scaleout.kubernetes.policies import opened
from whit.runtime.scaleout.kubernetes.ports import Port, entries, port_of, ports_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.compose.project import Service
    from whit.runtime.scaleout.kubernetes.choosing import Role
    from whit.runtime.scaleout.kubernetes.extension import Ingress
    from whit.runtime.scaleout.kubernetes.model import Context, Document

_NODE_PORTS = range(30000, 32768)
_LOOPBACK = ("127.", "::1", "localhost")


def objects_of(context: Context, service: Service, role: Role) -> Iterator[Document]:
    """A service's own, each with a policy that lets it in. Raises :class:`UnsupportedError`."""
    asked: Port | None = None
    if role.wishes.ingress:
        asked = _asked(context, service, role.wishes.ingress)
        name = label(f"{service.name}-ingress")
        yield _ingress(context, service, role.wishes.ingress, asked, name)
        yield from opened(context, service, (asked,), name)
    how = context.options.publish if role.wishes.publish is None else role.wishes.publish
    ports = _published(context, service, how, asked)
    if ports:
        name = label(f"{service.name}-published")
        here = ("services", service.name, "ports")
        is_balanced = how is Publish.LOAD_BALANCER
        listed = entries(ports) if is_balanced else _on_nodes(context, here, entries(ports))
        kind = "LoadBalancer" if is_balanced else "NodePort"
        spec = {"type": kind, "selector": labels(context.project, service.name), "ports": listed}
        head = metadata(context, name, service.name)
        yield {"apiVersion": "v1", "kind": "Service", "metadata": head, "spec": spec}
        yield from opened(context, service, ports, name)


def _published(context: Context, service: Service, how: Publish, asked: Port | None) -> list[Port]:
    """The ports that get a number outside; what stays inside, and no Ingress asks for, is told."""
    here = ("services", service.name, "ports")
    ports: list[Port] = []
    told: list[str] = []
    for number, values in enumerate(service.values.get("ports") or ()):
        published = str(values.get("published") or "")
        if values.get("mode") == "host":
            context.tell((*here, number, "mode"), "no port of the node's own is taken")
        if not published:
            continue
        if str(values.get("host_ip") or "").startswith(_LOOPBACK) or how is Publish.NONE:
            if not (asked and int(values["target"]) == asked.target):
                told.append(published)
            continue
        if not published.isdigit():
            raise context.refused(
                (*here, number), f"{published} isn't one port", "publish one port, not any of a range"
            )
        ports.append(port_of(values, int(published)))
    if told:
        context.tell(here, f"{', '.join(told)} can't be reached from outside: kubectl port-forward, or --publish")
    return ports


def _on_nodes(context: Context, here: tuple[str, ...], listed: list[Document]) -> list[Document]:
    """With the published numbers as the nodes' ports, where nodes may have these."""
    made: list[Document] = []
    for one in listed:
        if one["port"] in _NODE_PORTS:
            made.append({**one, "nodePort": one["port"]})
            continue
        most = f"{_NODE_PORTS[0]}-{_NODE_PORTS[-1]}"
        context.tell(here, f"{one['port']} is at a port that the cluster chooses, of {most}")
        made.append(one)
    return made


def _asked(context: Context, service: Service, wish: Ingress) -> Port:
    """The port that an Ingress asks."""
    found = [one for one in ports_of(service) if one.protocol == "TCP" and wish.port in {0, one.port}]
    if not found:
        what = f"it doesn't listen at {wish.port}" if wish.port else "no port of it is known"
        raise context.refused(("services", service.name, KEY, "ingress"), what, "name its ports in ports or expose")
    return found[0]


def _ingress(context: Context, service: Service, wish: Ingress, port: Port, name: str) -> Document:
    backend = {"service": {"name": label(service.name), "port": {"number": port.port}}}
    paths = [{"path": wish.path, "pathType": "Prefix", "backend": backend}]
    rule = filled({"host": wish.host, "http": {"paths": paths}})
    tls = [filled({"hosts": [wish.host] if wish.host else [], "secretName": wish.tls})] if wish.tls else []
    if wish.tls:
        context.tell(("services", service.name, KEY, "ingress", "tls"), f"the Secret {wish.tls} must be there")
    spec = filled({"ingressClassName": wish.class_name, "tls": tls, "rules": [rule]})
    head = metadata(context, name, service.name)
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": head, "spec": spec}
