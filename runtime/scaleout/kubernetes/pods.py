"""A service → its pod's template. Pure."""

from __future__ import annotations

from hashlib import sha256
from ipaddress import ip_address

from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.scaleout.kubernetes import files, kompose
from whit.runtime.scaleout.kubernetes.model import filled
from whit.runtime.scaleout.kubernetes.naming import is_host, is_key, label, labels, network_label
from whit.runtime.scaleout.kubernetes.quantities import seconds
from whit.runtime.scaleout.kubernetes.scheduling import placed
from whit.runtime.scaleout.kubernetes.together import guests_of, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whit.runtime.compose.project import Service
    from whit.runtime.scaleout.kubernetes.choosing import Role
    from whit.runtime.scaleout.kubernetes.model import Context, Document

    Profile = tuple[str, tuple[str, ...]]

_GRACE = 10
"""Seconds that a container has to stop (compose-spec, stop_grace_period)."""

_SERVERS = 3
"""Name servers that a pod can name (kubernetes.io, "DNS for Services and Pods")."""

_NAMESPACES = {"ipc": "hostIPC", "pid": "hostPID"}


@dataclass(frozen=True, slots=True)
class Pod:
    """A template, the filters that nodes must have for it, and the services that are in it."""

    template: Document
    profiles: tuple[Profile, ...]
    members: tuple[str, ...]


def pod_of(context: Context, service: Service, roles: Mapping[str, Role]) -> Pod:
    """What a service's pods are made of. Raises :class:`WhitError` with the place of what can't be."""
    role = roles[service.name]
    first, beside = guests_of(context, service, roles)
    parts = together(context, service, roles)
    spec = {
        **_host(context, service),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "serviceAccountName": role.wishes.service_account,
        "imagePullSecrets": _pull_secrets(context, role, *(roles[name] for name in (*first, *beside))),
        "runtimeClassName": _runtime_class(context, service),
        "restartPolicy": _restart_policy(role),
        "terminationGracePeriodSeconds": seconds(service.values.get("stop_grace_period"), _GRACE),
        "hostname": _hostname(context, service),
        "hostAliases": _hosts(context, service),
        "dnsConfig": _dns(context, service),
        **placed(context, service),
        "securityContext": parts.security,
        "initContainers": parts.inits,
        "containers": parts.containers,
        "volumes": parts.volumes,
    }
    in_networks = {network_label(context, key): "true" for key in _networks(context, service, first)}
    members = [context.project.services[name] for name in (*first, *beside)]
    head = {
        "labels": {**labels(context.project, service.name), **in_networks},
        "annotations": _annotations(context, [*members, service]),
    }
    return Pod({"metadata": filled(head), "spec": _kept(spec)}, parts.profiles, (service.name, *first, *beside))


def _networks(context: Context, service: Service, first: tuple[str, ...]) -> tuple[str, ...]:
    """Its own, and those of what runs in its pods before it."""
    found = dict.fromkeys(service.networks)
    for name in first:
        for key in context.project.services[name].networks:
            if key not in found:
                context.tell(("services", service.name, "networks"), f"is in {key}, too, since {name} runs in its pods")
                found[key] = None
    return tuple(found)


def _kept(spec: Document) -> Document:
    """Without what isn't said; ``false`` and 0 are said."""
    return {key: value for key, value in spec.items() if value is not None and value not in ("", [], {})}


def _pull_secrets(context: Context, *roles: Role) -> list[Document]:
    names = dict.fromkeys(role.wishes.pull_secret or context.options.pull_secret for role in roles)
    return [{"name": name} for name in names if name]


def _runtime_class(context: Context, service: Service) -> str | None:
    name = context.options.runtime_class or str(service.values.get("runtime") or "")
    if name and not is_host(name):
        raise context.refused(("services", service.name, "runtime"), f"no RuntimeClass is called {name[:60]}", "whit")
    return name or None


def _restart_policy(role: Role) -> str:
    if not role.kind.ends:
        return "Always"
    return "OnFailure" if role.restart.word in {"on-failure", "always"} else "Never"


def _hostname(context: Context, service: Service) -> str | None:
    text = str(service.values.get("hostname") or "")
    if text and label(text) != text:
        context.tell(("services", service.name, "hostname"), f"is {label(text)}")
    return label(text) if text else None


def _host(context: Context, service: Service) -> Document:
    """Namespaces of the node's, which the file must ask for by name."""
    made: Document = {}
    for key, word in _NAMESPACES.items():
        if service.values.get(key) == "host":
            made[word] = True
            context.tell(("services", service.name, key), "has the node's: only 'privileged' namespaces take that")
    if service.network_mode == "host":
        made |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
        context.tell(
            ("services", service.name, "network_mode"), "has the node's: only 'privileged' namespaces take that"
        )
    return made


def _hosts(context: Context, service: Service) -> list[Document]:
    """``extra_hosts``, by address. Raises :class:`UnsupportedError` for what is no address."""
    found: dict[str, list[str]] = {}
    for text in service.values.get("extra_hosts") or ():
        name, _, address = str(text).partition("=")
        here = ("services", service.name, "extra_hosts")
        if not is_host(name):
            raise context.refused(
                here, f"'{name[:60]}' is no host's name on Kubernetes", "small letters, digits, '-', '.'"
            )
        found.setdefault(_address(context, here, address.strip("[]")), []).append(name)
    return [{"ip": address, "hostnames": names} for address, names in found.items()]


def _address(context: Context, here: tuple[str, ...], text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise context.refused(here, f"'{text[:60]}' is no address", "on Kubernetes it must be one") from None


def _dns(context: Context, service: Service) -> Document:
    values = service.values
    servers = [str(one) for one in values.get("dns") or ()]
    if len(servers) > _SERVERS:
        here = ("services", service.name, "dns")
        raise context.refused(here, f"there are {len(servers)} servers", f"Kubernetes takes {_SERVERS}")
    for one in servers:
        _address(context, ("services", service.name, "dns"), one)
    for one in values.get("dns_search") or ():
        if not is_host(str(one)) and one != ".":
            raise context.refused(
                ("services", service.name, "dns_search"), f"'{str(one)[:60]}' is no domain", "example.org"
            )
    if servers:
        context.tell(("services", service.name, "dns"), "the cluster's own servers are asked first")
    options = [
        filled({"name": name, "value": value})
        for name, _, value in (str(one).partition(":") for one in values.get("dns_opt") or ())
    ]
    return filled({"nameservers": servers, "searches": values.get("dns_search"), "options": options})


def _annotations(context: Context, members: Iterable[Service]) -> dict[str, str]:
    """Labels and annotations of the file, whose values Kubernetes' own labels couldn't hold; and what makes pods anew when a file changes."""
    made: dict[str, str] = {}
    digests: list[str] = []
    for service in members:
        for key, value in {**(service.values.get("labels") or {}), **(service.values.get("annotations") or {})}.items():
            if str(key).startswith(kompose.PREFIX):
                context.tell(("services", service.name, "labels", str(key)), kompose.instead_of(str(key)))
            elif is_key(str(key)):
                made[str(key)] = str(value)
            else:
                context.tell(("services", service.name, "labels"), f"Kubernetes can't have '{str(key)[:60]}'")
        digests += filter(None, [files.digest(context, service)])
    if digests:
        made["whit/files"] = digests[0] if len(digests) == 1 else sha256(" ".join(digests).encode()).hexdigest()
    return made
