"""What a pod mounts: volumes, memory, configs, secrets and bound files. Pure.

A volume that one service alone has is its StatefulSet's, a claim for each pod; others are claims of their own.
"""

from __future__ import annotations

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.compose.model.units import size as parse_size
from whit.runtime.compose.project import Condition
from whit.runtime.mounts import container_path
from whit.runtime.scaleout.kubernetes import files
from whit.runtime.scaleout.kubernetes.extension import service_wishes
from whit.runtime.scaleout.kubernetes.hosting import host_of
from whit.runtime.scaleout.kubernetes.naming import OWN, label, volume_name
from whit.runtime.scaleout.kubernetes.quantities import size

if TYPE_CHECKING:
    from whit.runtime.compose.project import Service, Values
    from whit.runtime.scaleout.kubernetes.extension import ServiceWishes
    from whit.runtime.scaleout.kubernetes.model import Context, Document

TMP = "/tmp"  # noqa: S108 - a container's


@dataclass(frozen=True, slots=True)
class Mounted:
    """A thing in a pod: ``volume`` as the pod has it (None for a claim of a StatefulSet's), ``mount`` as the container has it."""

    volume: Document | None
    mount: Document
    claim: str = ""
    """The volume that its StatefulSet makes claims of."""
    is_kept: bool = False
    """Whether whose it is must fit who writes it: a claim, or files with an owner."""


def mounted(context: Context, service: Service, owned: tuple[str, ...], wishes: ServiceWishes) -> tuple[Mounted, ...]:
    """All that a service mounts; ``owned`` are the volumes that its StatefulSet makes claims of.

    Raises :class:`UnsupportedError` for what Kubernetes can't mount, or only from the host.
    """
    values = service.values
    found: list[Mounted] = []
    for number, mount in enumerate(values.get("volumes") or ()):
        found.append(_volume(context, service, mount, owned, number))
    for number, text in enumerate(values.get("tmpfs") or ()):
        path, _, words = str(text).partition(":")
        most = [word.removeprefix("size=") for word in words.split(",") if word.startswith("size=")]
        found.append(_memory(f"tmpfs-{number}", path, most[0] if most else None))
    if values.get("shm_size"):
        found.append(_memory("shm", "/dev/shm", values["shm_size"]))  # noqa: S108 - a container's
    found += [Mounted(*pair, is_kept=True) for pair in files.files_of(context, service)]
    found = [_settled(one) for one in found]
    if not wishes.writable and not any(one.mount["mountPath"] == TMP for one in found):
        found.append(_memory("tmp", TMP, None))
    _check_places(context, service, found)
    return tuple(found)


def _settled(one: Mounted) -> Mounted:
    """With its place as a normal path. Raises :class:`UsageError` for what is none, or the kernel's."""
    place = str(one.mount["mountPath"])
    return replace(one, mount={**one.mount, "mountPath": container_path(place, place)})


def owned_volumes(context: Context, service: Service) -> tuple[str, ...]:
    """The volumes that its pods alone have, and it writes to."""
    found: dict[str, None] = {}
    for mount in service.values.get("volumes") or ():
        key = str(mount.get("source") or "")
        if mount.get("type") != "volume" or not key or mount.get("read_only"):
            continue
        is_external = bool((context.project.volumes.get(key) or {}).get("external"))
        if not is_external and holders(context, key) == {service.name}:
            found[key] = None
    return tuple(found)


def holders(context: Context, key: str) -> frozenset[str]:
    """The services whose pods have a volume: what runs first in others' pods, or beside others, has none of its own."""
    todo = list(context.project.mounted_by.get(key, ()))
    seen = set(todo)
    found: set[str] = set()
    for name in todo:
        if not service_wishes(context, name).init:
            found.add(host_of(context.project, name))
            continue
        waiting = {other for other, how in context.project.dependents(name) if how.condition is Condition.COMPLETED}
        todo += sorted(waiting - seen)
        seen |= waiting
    return frozenset(found)


def _check_places(context: Context, service: Service, found: list[Mounted]) -> None:
    seen: set[str] = set()
    names: dict[str, Document | str] = {}
    for one in found:
        place, name = one.mount["mountPath"], one.mount["name"]
        if names.setdefault(name, one.volume or one.claim) != (one.volume or one.claim):
            raise UsageError(
                f"two volumes would be called {name}", hint="names differ by more than signs on Kubernetes"
            )
        if place in seen:
            start = context.where(("services", service.name))
            raise UsageError(
                f"{start}services.{service.name}: {place} is given twice", hint="mount one thing on one place"
            )
        seen.add(place)


def _memory(name: str, path: str, most: object) -> Mounted:
    count = parse_size(str(most)) if most else None
    limit = {"sizeLimit": size(count)} if count and count > 0 else {}
    name = f"{OWN}{name}"
    return Mounted({"name": name, "emptyDir": {"medium": "Memory", **limit}}, {"name": name, "mountPath": path})


def _volume(context: Context, service: Service, mount: Values, owned: tuple[str, ...], number: int) -> Mounted:
    kind, source, target = str(mount.get("type")), str(mount.get("source") or ""), str(mount.get("target") or "")
    here = ("services", service.name, "volumes", number)
    read_only = {"readOnly": True} if mount.get("read_only") else {}
    if kind == "tmpfs":
        return _memory(f"memory-{number}", target, (mount.get("tmpfs") or {}).get("size"))
    if kind == "bind":
        return _bind(context, service, mount, number)
    if kind != "volume":
        raise context.refused(here, f"there is no {kind} for {target}", "a volume, tmpfs, a config or a secret")
    if not source:
        context.tell(here, f"{target} is empty in each new pod, and gone with it")
        name = f"{OWN}empty-{number}"
        return Mounted({"name": name, "emptyDir": {}}, {"name": name, "mountPath": target, **read_only}, is_kept=True)
    how: Values = mount.get("volume") or {}
    if not how.get("nocopy"):
        context.tell(here, f"{source} begins empty: what the image has at {target} isn't copied into it")
    subpath = str(how.get("subpath") or "")
    if subpath.startswith("/") or ".." in subpath.split("/"):
        raise context.refused(
            here, f"'{subpath[:60]}' doesn't stay in the volume", "a path without '/' before it and '..'"
        )
    name = volume_name(source)
    place = {"name": name, "mountPath": target, **read_only, **({"subPath": subpath} if subpath else {})}
    if source in owned:
        return Mounted(None, place, source, is_kept=True)
    claim = {"claimName": label(context.project.volume_name(source)), **read_only}
    return Mounted({"name": name, "persistentVolumeClaim": claim}, place, is_kept=True)


def _bind(context: Context, service: Service, mount: Values, number: int) -> Mounted:
    here = ("services", service.name, "volumes", number)
    source, target = str(mount["source"]), str(mount["target"])
    read_only = bool(mount.get("read_only"))
    if context.options.host_paths:
        context.tell(here, f"{target} is {source} of whichever node it runs on: only 'privileged' namespaces take that")
        name = f"{OWN}host-{number}"
        place = {"name": name, "mountPath": target, **({"readOnly": True} if read_only else {})}
        return Mounted({"name": name, "hostPath": {"path": source}}, place)
    if source not in context.bound or not read_only:
        hint = "a named volume, configs:, a file or a folder of files that is only read (:ro), or --host-paths"
        raise context.refused(here, f"{source} is this host's, and nothing that is only read and could go along", hint)
    context.tell(here, f"{target} is a ConfigMap of what {source} holds now")
    return Mounted(*files.bound_files(service.name, target, number, context.bound[source]))
