"""How pods find each other, and who reaches whom: Services and NetworkPolicies. Pure.

A network becomes a policy: its pods are reached by its pods alone, and one that is internal reaches nobody else but names.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes.model import Kind, Publish, filled
from whit.runtime.scaleout.kubernetes.naming import label, labels, metadata, network_label
from whit.runtime.scaleout.kubernetes.ports import Port, entries, port_of, ports_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.compose.project import Service, Values
    from whit.runtime.scaleout.kubernetes.choosing import Role
    from whit.runtime.scaleout.kubernetes.model import Context, Document

_NODE_PORTS = range(30000, 32768)
_DNS = 53
_LOOPBACK = ("127.", "::1", "localhost")


def services_of(context: Context, service: Service, role: Role) -> Iterator[Document]:
    """By its name, by each other name that it has, and from outside if that is wished for.

    Without known ports, for StatefulSets, and with ``endpoint_mode: dnsrr`` the name stands for every pod's address, as in Compose.
    """
    ports = ports_of(service)
    if role.kind is Kind.JOB and not ports:
        return
    name = label(service.name)
    if name != service.name:
        context.tell(("services", service.name), f"is called {name}: others that say {service.name} don't find it")
    mode = str((service.values.get("deploy") or {}).get("endpoint_mode") or "")
    is_headless = not ports or role.kind is Kind.STATEFUL or mode == "dnsrr"
    listed = entries(ports)
    spec: Document = {"selector": labels(context.project, service.name), **({"ports": listed} if listed else {})}
    spec |= {"clusterIP": "None"} if is_headless else {"type": "ClusterIP"}
    for each in (name, *_other_names(context, service)):
        yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata(context, each, service.name), "spec": spec}
    yield from _published(context, service)


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


def _published(context: Context, service: Service) -> Iterator[Document]:
    """A Service for what is to be reached from outside, and a policy that lets it in."""
    here = ("services", service.name, "ports")
    ports: list[Port] = []
    told: list[str] = []
    for number, values in enumerate(service.values.get("ports") or ()):
        published = str(values.get("published") or "")
        if values.get("mode") == "host":
            context.tell((*here, number, "mode"), "no port of the node's own is taken")
        if not published:
            continue
        if str(values.get("host_ip") or "").startswith(_LOOPBACK) or context.options.publish is Publish.NONE:
            told.append(published)
            continue
        if not published.isdigit():
            raise context.refused(
                (*here, number), f"{published} isn't one port", "publish one port, not any of a range"
            )
        ports.append(port_of(values, int(published)))
    if told:
        context.tell(here, f"{', '.join(told)} can't be reached from outside: kubectl port-forward, or --publish")
    if ports:
        kind = "LoadBalancer" if context.options.publish is Publish.LOAD_BALANCER else "NodePort"
        listed = entries(ports) if kind == "LoadBalancer" else _on_nodes(context, here, entries(ports))
        head = metadata(context, label(f"{service.name}-published"), service.name)
        spec = {"type": kind, "selector": labels(context.project, service.name), "ports": listed}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": head, "spec": spec}
        if context.options.policies:
            yield _open_policy(context, service, ports)


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


def policies_of(context: Context) -> Iterator[Document]:
    """One for each network, and one for who has none."""
    if not context.options.policies:
        return
    for key, values in context.project.networks.items():
        users = [one for one in context.project.services.values() if key in one.networks]
        if users:
            yield _network_policy(context, key, values or {})
    for service in context.project.services.values():
        if service.network_mode == "none":
            selector = {"matchLabels": labels(context.project, service.name)}
            name = label(f"{service.name}-alone")
            yield _policy(context, name, {"podSelector": selector, "policyTypes": ["Ingress", "Egress"]})


def _network_policy(context: Context, key: str, values: Values) -> Document:
    pods = {"podSelector": {"matchLabels": {network_label(context, key): "true"}}}
    egress: list[Document] = [{}]
    if values.get("internal"):
        ports = [{"protocol": protocol, "port": _DNS} for protocol in ("UDP", "TCP")]
        names = {
            "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
            "ports": ports,
        }
        egress = [{"to": [pods]}, names]
    if values.get("external"):
        context.tell(("networks", key), f"is the pods with the label {network_label(context, key)} in this namespace")
    spec = {**pods, "policyTypes": ["Ingress", "Egress"], "ingress": [{"from": [pods]}], "egress": egress}
    return _policy(context, label(context.project.network_name(key)), spec)


def _open_policy(context: Context, service: Service, ports: list[Port]) -> Document:
    numbers = [{"protocol": one.protocol, "port": one.target} for one in ports]
    selector = {"matchLabels": labels(context.project, service.name)}
    spec = {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": [{"ports": numbers}]}
    return _policy(context, label(f"{service.name}-published"), spec)


def _policy(context: Context, name: str, spec: Document) -> Document:
    head = metadata(context, name)
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": filled(head), "spec": spec}
