"""Who reaches whom: networks → NetworkPolicies. Pure.

A network's pods are reached by its pods alone, and one that is internal reaches nobody else but the cluster's names.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes.naming import label, labels, metadata, network_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.runtime.compose.project import Service, Values
    from whit.runtime.scaleout.kubernetes.model import Context, Document
    from whit.runtime.scaleout.kubernetes.ports import Port

_DNS = 53


def policies_of(context: Context) -> Iterator[Document]:
    """One for each network, and one for who has none."""
    if not context.options.policies:
        return
    used = {key for service in context.project.services.values() for key in service.networks}
    for key, values in context.project.networks.items():
        if key in used:
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


def opened(context: Context, service: Service, ports: Iterable[Port], name: str) -> Iterator[Document]:
    """Who is let in from outside of a service's networks, to these ports of its pods; nothing where there are no policies."""
    if not context.options.policies:
        return
    numbers = [{"protocol": one.protocol, "port": one.target} for one in ports]
    selector = {"matchLabels": labels(context.project, service.name)}
    spec = {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": [{"ports": numbers}]}
    yield _policy(context, name, spec)


def _policy(context: Context, name: str, spec: Document) -> Document:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(context, name),
        "spec": spec,
    }
