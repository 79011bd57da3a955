"""What is in one pod: a service's program, those that run before it (``init``), and those beside it (``network_mode: service:…``). Pure.

What Kubernetes says of a whole pod, its service says; what the others say of that is told.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.scaleout.kubernetes import security
from whit.runtime.scaleout.kubernetes.choosing import runs_first
from whit.runtime.scaleout.kubernetes.containers import container_of
from whit.runtime.scaleout.kubernetes.hosting import runs_beside
from whit.runtime.scaleout.kubernetes.naming import label
from whit.runtime.scaleout.kubernetes.probes import probes_of
from whit.runtime.scaleout.kubernetes.storage import mounted
from whit.runtime.scaleout.kubernetes.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.compose.project import Service
    from whit.runtime.scaleout.kubernetes.choosing import Role
    from whit.runtime.scaleout.kubernetes.model import Context, Document

    Profile = tuple[str, tuple[str, ...]]

_OF_VOLUMES = ("fsGroup", "fsGroupChangePolicy")
"""Whose volumes are is the whole pod's matter, also where only a guest has any."""

_USERS = ("runAsUser", "runAsGroup")
_OWN = ("runAsNonRoot", *_USERS, "seccompProfile", "appArmorProfile")
"""What a container can have otherwise than its pod."""

_WHOLE = (
    "dns", "dns_opt", "dns_search", "extra_hosts", "hostname", "ipc", "pid", "platform", "runtime", "stop_grace_period", "sysctls",
)  # fmt: skip
_DEPLOYED = ("endpoint_mode", "labels", "placement", "update_config")


@dataclass(frozen=True, slots=True)
class Together:
    """The containers and volumes of a pod, its ``securityContext``, and the filters that a node must have for it."""

    inits: list[Document]
    containers: list[Document]
    volumes: list[Document]
    security: Document
    profiles: tuple[Profile, ...]


def together(context: Context, service: Service, roles: Mapping[str, Role]) -> Together:
    """All of a service's pod. Raises :class:`WhitError` with the place of what can't be."""
    first, beside = guests_of(context, service, roles)
    role = roles[service.name]
    container, volumes, confined = _contained(context, service, role, role.owned)
    inits: list[Document] = []
    containers = [container]
    whole, profiles = confined.pod, [confined.profile]
    for name in (*first, *beside):
        guest = context.project.services[name]
        _tell(context, guest, service)
        inits += waiting(context, guest, (service.name, *first, *beside))
        own, more, box = _contained(context, guest, roles[name], role.owned)
        whole = _shared(context, guest, service, whole, box.pod)
        if "runAsUser" not in box.pod and "runAsUser" in whole:
            # A container can't be rid of what its pod says: the service's own container says it then.
            container["securityContext"] = {
                **{key: whole[key] for key in _USERS if key in whole},
                **container["securityContext"],
            }
            whole = {key: value for key, value in whole.items() if key not in _USERS}
        (inits if name in first else containers).append(_as_guest(own, more, box, is_init=name in first))
        volumes += [{**volume, "name": _guests_name(name, volume["name"])} for volume in more]
        profiles.append(box.profile)
    inits += waiting(context, service, (*first, *beside))
    inits = [one for number, one in enumerate(inits) if one not in inits[:number]]
    return Together(inits, containers, volumes, whole, tuple(one for one in profiles if one))


def guests_of(context: Context, service: Service, roles: Mapping[str, Role]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who else is in a service's pods: what runs first there, and what runs beside it."""
    beside = runs_beside(context.project, service.name)
    first = dict.fromkeys(one for name in (service.name, *beside) for one in runs_first(context.project, roles, name))
    return tuple(first), beside


def _contained(
    context: Context, service: Service, role: Role, owned: tuple[str, ...]
) -> tuple[Document, list[Document], security.Confinement]:
    """A service's container with its mounts, the volumes that these need, and how it is confined; ``owned`` are its pods' claims."""
    mounts = mounted(context, service, owned, role.wishes)
    confined = security.confinement_of(context, service, role.wishes, has_volumes=any(one.is_kept for one in mounts))
    container = container_of(context, service)
    if not role.kind.ends:
        container |= probes_of(context, service, role.wishes)
    container["securityContext"] = confined.container
    if mounts:
        container["volumeMounts"] = [one.mount for one in mounts]
    volumes = {one.volume["name"]: one.volume for one in mounts if one.volume}
    return container, list(volumes.values()), confined


def _shared(context: Context, guest: Service, host: Service, whole: Document, guests: Document) -> Document:
    """A pod's ``securityContext`` with what a guest needs of it."""
    made = {**{key: guests[key] for key in _OF_VOLUMES if key in guests}, **whole}
    groups = [one for one in guests.get("supplementalGroups", ()) if one not in whole.get("supplementalGroups", ())]
    if groups:
        made["supplementalGroups"] = [*whole.get("supplementalGroups", ()), *groups]
        here = ("services", guest.name, "group_add")
        context.tell(here, f"all containers of {host.name}'s pods are in these groups")
    return made


def _as_guest(
    container: Document, volumes: list[Document], confined: security.Confinement, *, is_init: bool
) -> Document:
    """A container within another service's pod: its user is its own there, its volumes have names of their own."""
    own = {volume["name"] for volume in volumes}
    mounts = [
        {**mount, "name": _guests_name(container["name"], mount["name"]) if mount["name"] in own else mount["name"]}
        for mount in container.get("volumeMounts") or ()
    ]
    box = {**{key: confined.pod[key] for key in _OWN if key in confined.pod}, **container["securityContext"]}
    passed = {"ports", "lifecycle"} if is_init else set[str]()
    kept = {key: value for key, value in container.items() if key not in passed}
    return {**kept, "securityContext": box, "volumeMounts": mounts}


def _guests_name(service: str, volume: str) -> str:
    return label(f"{service}-{volume}")


def _tell(context: Context, guest: Service, host: Service) -> None:
    """What a guest says of its whole pod."""
    text = f"it is in {host.name}'s pods, and {host.name} says that"
    for key in _WHOLE:
        if guest.values.get(key):
            context.tell(("services", guest.name, key), text)
    for key in _DEPLOYED:
        if (guest.values.get("deploy") or {}).get(key):
            context.tell(("services", guest.name, "deploy", key), text)
