"""The whole way: a project → all its manifests, in the order in which they are best applied. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes import claims, files, networks, policies, workloads
from whit.runtime.scaleout.kubernetes.choosing import role_of
from whit.runtime.scaleout.kubernetes.keys import check_keys
from whit.runtime.scaleout.kubernetes.model import Generated
from whit.runtime.scaleout.kubernetes.pods import pod_of
from whit.runtime.scaleout.kubernetes.security import profile_name
from whit.runtime.seccomp.export import to_oci
from whit.runtime.seccomp.portable import portable
from whit.runtime.seccomp.profile import default_filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.compose.project import Service
    from whit.runtime.scaleout.kubernetes.choosing import Role
    from whit.runtime.scaleout.kubernetes.model import Context, Document
    from whit.runtime.scaleout.kubernetes.pods import Profile

ORDER = (
    "RuntimeClass",
    "NetworkPolicy",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "Service",
    "Job",
    "StatefulSet",
    "Deployment",
    "DaemonSet",
    "CronJob",
    "HorizontalPodAutoscaler",
    "Ingress",
)
"""What others need comes first."""


def generate(context: Context) -> Generated:
    """Everything. Raises :class:`WhitError` with the place of what Kubernetes can't do."""
    project = context.project
    check_keys(context)
    roles: dict[str, Role] = {}
    for service in project.services.values():
        roles[service.name] = role_of(context, service)
    made: list[Document] = [*policies.policies_of(context), *files.objects(context), *claims.objects(context, roles)]
    profiles: dict[Profile, None] = {}
    for service in project.services.values():
        role = roles[service.name]
        if role.beside:
            workloads.tell_policies(context, service, roles[role.beside])
        if role.is_init or role.beside:
            continue
        objects, needed = _objects(context, service, roles)
        made += objects
        profiles |= dict.fromkeys(needed)
    if any(not one.wishes.writable for one in roles.values()):
        context.tell(
            ("services",),
            "roots are only read, /tmp is in memory: x-kubernetes: {writable: true} for images that write elsewhere",
        )
    if any(not one.values.get("user") for one in project.services.values()):
        context.tell(
            ("services",), "nobody is root: images must name their user by its number, or services theirs (user)"
        )
    if context.options.runtime_class:
        made.append(_runtime_class(context.options.runtime_class))
    _check_names(made)
    made.sort(key=lambda one: (ORDER.index(one["kind"]), one["metadata"]["name"]))
    filters = tuple((profile_name(*one), _profile(*one)) for one in sorted(profiles))
    if filters:
        names = ", ".join(name for name, _ in filters)
        context.tell(("services",), f"each node needs {names} of seccomp/ in /var/lib/kubelet/seccomp/whit/")
    return Generated(tuple(made), filters, tuple(dict.fromkeys(context.notes)))


def _objects(
    context: Context, service: Service, roles: Mapping[str, Role]
) -> tuple[list[Document], tuple[Profile, ...]]:
    """All of one service's; what its parts find wrong without knowing places begins with the service's."""
    role = roles[service.name]
    try:
        pod = pod_of(context, service, roles)
        kept = workloads.objects_of(context, service, role, pod)
        return [*networks.services_of(context, service, role), *kept], pod.profiles
    except UsageError as error:
        start = f"{context.where(('services', service.name))}services.{service.name}: "
        text = error.message if "services." in error.message else start + error.message
        raise UsageError(text, hint=error.hint) from None


def _check_names(made: list[Document]) -> None:
    seen: set[tuple[str, str]] = set()
    for one in made:
        key = (one["kind"], one["metadata"]["name"])
        if key in seen:
            hint = "names differ by more than capitals and signs on Kubernetes, and aliases are for all networks there"
            raise WhitError(f"there would be two {key[0]}s called {key[1]}", hint=hint)
        seen.add(key)


def _runtime_class(name: str) -> Document:
    return {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": name}


def _profile(architecture: str, capabilities: tuple[str, ...]) -> Document:
    return dict(to_oci(portable(default_filter(architecture, frozenset(f"CAP_{name}" for name in capabilities)))))
