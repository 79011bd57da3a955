"""Volumes → PersistentVolumeClaims. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes.extension import KEY, service_wishes, volume_wishes
from whit.runtime.scaleout.kubernetes.naming import label, metadata, volume_name
from whit.runtime.scaleout.kubernetes.storage import holders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from whit.runtime.scaleout.kubernetes.choosing import Role
    from whit.runtime.scaleout.kubernetes.model import Context, Document

_SIZE = "1Gi"
_ONE, _MANY = "ReadWriteOnce", "ReadWriteMany"


def template(context: Context, key: str) -> Document:
    """What a StatefulSet makes a claim of for each of its pods."""
    return {"metadata": {"name": volume_name(key)}, "spec": _spec(context, key, _ONE)}


def objects(context: Context, roles: Mapping[str, Role]) -> Iterator[Document]:
    """The claims that aren't a StatefulSet's."""
    owned = {key for role in roles.values() for key in role.owned}
    for key, values in context.project.volumes.items():
        if key in owned or key not in context.project.mounted_by:
            continue
        name = label(context.project.volume_name(key))
        if (values or {}).get("external"):
            context.tell(("volumes", key), f"the PersistentVolumeClaim {name} must be there")
            continue
        access = _ONE if _is_single(context, key) else _MANY
        if access == _MANY and not volume_wishes(context, key).access:
            context.tell(
                ("volumes", key), "several pods have it: the cluster must have a class of storage for ReadWriteMany"
            )
        head = metadata(context, name)
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": head,
            "spec": _spec(context, key, access),
        }


def is_single(context: Context, members: Iterable[str]) -> bool:
    """Whether a pod of these services has a claim that no second pod can have meanwhile."""
    return any(
        _is_single(context, key) and not volume_wishes(context, key).access.endswith("Many")
        for name in members
        for key in context.project.services[name].volumes()
    )


def _is_single(context: Context, key: str) -> bool:
    users = [context.project.services[name] for name in holders(context, key)]
    return len(users) == 1 and users[0].replicas <= 1 and service_wishes(context, users[0].name).autoscale is None


def _spec(context: Context, key: str, access: str) -> Document:
    wishes = volume_wishes(context, key)
    size = wishes.size or context.options.volume_size
    if not size:
        context.tell(("volumes", key), f"has {_SIZE}: say more by --volume-size, or by {KEY}: {{size: 10Gi}}")
    made: Document = {"accessModes": [wishes.access or access], "resources": {"requests": {"storage": size or _SIZE}}}
    return {**made, "storageClassName": wishes.storage_class} if wishes.storage_class else made
