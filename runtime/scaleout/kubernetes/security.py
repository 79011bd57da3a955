"""How a pod is confined: as whit's own containers (docs/security.md), and so within Kubernetes' "restricted" standard. Pure.

Source: kubernetes.io, "Pod Security Standards", "Configure a Security Context".
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.capabilities import parse_capability
from whit.runtime.scaleout.kubernetes.model import filled

if TYPE_CHECKING:
    from whit.runtime.compose.project import Service, Values
    from whit.runtime.scaleout.kubernetes.extension import ServiceWishes
    from whit.runtime.scaleout.kubernetes.model import Context, Document

PACKED_USER = 65532
"""Who a program in an image of whit's is, and so the group that its volumes belong to."""

_DIGITS = 10
_HIGHEST = (1 << 31) - 1
"""Of users and groups."""

_SAFE_SYSCTLS = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    )
)


@dataclass(frozen=True, slots=True)
class Confinement:
    """``pod`` and ``container`` are their ``securityContext``; ``profile`` is the filter that a node must have: (architecture, capabilities)."""

    pod: Document
    container: Document
    profile: tuple[str, tuple[str, ...]] | None


def confinement_of(context: Context, service: Service, wishes: ServiceWishes, *, has_volumes: bool) -> Confinement:
    """What a service's pod may. Raises :class:`UnsupportedError` for what has no number, or no form here."""
    here, values = ("services", service.name), service.values
    uid, gid = _user(context, service)
    added = _capabilities(context, service)
    privileged = bool(values.get("privileged"))
    filters = _options(context, service)
    is_filtered = context.options.own_filter and "seccompProfile" not in filters and "ALL" not in added
    profile = _profile(service, added) if is_filtered else None
    seccomp = (
        {"type": "Localhost", "localhostProfile": f"whit/{profile_name(*profile)}"}
        if profile
        else {"type": "RuntimeDefault"}
    )
    groups = [_number(context, (*here, "group_add"), str(one)) for one in values.get("group_add") or ()]
    pod = {
        "runAsNonRoot": uid != 0,
        "runAsUser": uid,
        "runAsGroup": gid,
        "fsGroup": (PACKED_USER if uid is None else uid if gid is None else gid) if has_volumes else None,
        "fsGroupChangePolicy": "OnRootMismatch" if has_volumes else None,
        "supplementalGroups": groups,
        "seccompProfile": seccomp,
        "sysctls": _sysctls(context, service),
        **filters,
    }
    if uid == 0:
        context.tell((*here, "user"), "runs as root: 'restricted' namespaces refuse it")
    if privileged:
        context.tell((*here, "privileged"), "has the whole node: only 'privileged' namespaces take it")
        return Confinement(filled(pod), {"privileged": True, "readOnlyRootFilesystem": not wishes.writable}, profile)
    container: Document = {
        "allowPrivilegeEscalation": "SYS_ADMIN" in added or "ALL" in added,
        "capabilities": {"drop": ["ALL"], **({"add": list(added)} if added else {})},
        "readOnlyRootFilesystem": not wishes.writable,
    }
    return Confinement(filled(pod), container, profile)


def profile_name(architecture: str, capabilities: tuple[str, ...]) -> str:
    """The file of a filter, below the kubelet's ``seccomp/whit/``."""
    return "-".join((architecture, *(name.lower() for name in capabilities))) + ".json"


def _profile(service: Service, added: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    parts = str(service.values.get("platform") or "").split("/")
    return (parts[1] if len(parts) > 1 else "amd64"), added


def _user(context: Context, service: Service) -> tuple[int | None, int | None]:
    text = str(service.values.get("user") or "")
    here = ("services", service.name, "user")
    user, _, group = text.partition(":")
    return (
        _number(context, here, user) if user else None,
        _number(context, here, group) if group else None,
    )


def _number(context: Context, path: tuple[str, ...], text: str) -> int:
    if text == "root":
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS and int(text) <= _HIGHEST):
        raise context.refused(
            path, f"Kubernetes knows users and groups only by their numbers: {text[:40]}", "write the number"
        )
    return int(text)


def _capabilities(context: Context, service: Service) -> tuple[str, ...]:
    wanted, dropped = (
        {_capability(str(one)) for one in service.values.get(key) or ()} for key in ("cap_add", "cap_drop")
    )
    added = tuple(sorted(wanted - dropped))
    if set(added) - {"NET_BIND_SERVICE"}:
        text = f"{', '.join(added)}: only 'privileged' namespaces take that, or 'baseline' ones docker's usual ones"
        context.tell(("services", service.name, "cap_add"), text)
    return added


def _capability(text: str) -> str:
    return "ALL" if text.upper() in {"ALL", "CAP_ALL"} else parse_capability(text)


def _options(context: Context, service: Service) -> Document:
    """``security_opt``: docker's words."""
    made: Document = {}
    here = ("services", service.name, "security_opt")
    for text in service.values.get("security_opt") or ():
        key, _, value = str(text).replace(":", "=", 1).partition("=")
        if (key == "no-new-privileges" and value in {"", "true"}) or (key, value) == ("seccomp", "builtin"):
            continue
        if key == "seccomp" and value == "unconfined":
            made["seccompProfile"] = {"type": "Unconfined"}
            context.tell(here, "no filter of system calls: only 'privileged' namespaces take that")
        elif key == "apparmor" and value:
            words = {"unconfined": {"type": "Unconfined"}, "docker-default": {"type": "RuntimeDefault"}}
            made["appArmorProfile"] = words.get(value, {"type": "Localhost", "localhostProfile": value})
        else:
            hint = "no-new-privileges, seccomp=unconfined|builtin, apparmor=NAME"
            raise context.refused(here, f"Kubernetes can't do '{text}'", hint)
    return made


def _sysctls(context: Context, service: Service) -> list[Document]:
    found: Values = service.values.get("sysctls") or {}
    for name in found:
        if name not in _SAFE_SYSCTLS:
            text = "each node's kubelet must allow it by name, and only 'privileged' namespaces take it"
            context.tell(("services", service.name, "sysctls", name), text)
    return [{"name": name, "value": str(value)} for name, value in found.items()]
