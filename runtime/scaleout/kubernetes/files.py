"""Secrets, configs and bound files: the objects that hold them, and how a pod mounts them. Pure."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes.naming import OWN, label, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.compose.keys import Path
    from whit.runtime.compose.project import Service
    from whit.runtime.scaleout.kubernetes.model import Context, Document

MOST = 1 << 20
"""Bytes of a ConfigMap or a Secret (kubernetes.io, "ConfigMaps")."""

_AT = "/run/secrets"
_READABLE = 0o444
_BOUND = "file"
"""A bound file's key in its ConfigMap."""


def files_of(context: Context, service: Service) -> Iterator[tuple[Document, Document]]:
    """(volume, mount) of each secret and config that a service is shown. Raises :class:`UnsupportedError`."""
    for kind in ("secrets", "configs"):
        for number, use in enumerate(service.values.get(kind) or ()):
            key = str(use["source"])
            here = ("services", service.name, kind, number)
            if use.get("uid") or use.get("gid"):
                context.tell(here, f"{key} is root's, and its group's that the pod's volumes have")
            target = str(use.get("target") or key)
            if not target.startswith("/"):
                target = f"{_AT}/{target}" if kind == "secrets" else f"/{target}"
            item = {"key": key, "path": key, "mode": _mode(use.get("mode"))}
            name = f"{OWN}{kind.removesuffix('s')}-{number}"
            object_name = _object_name(context, kind, key)
            source = (
                {"secret": {"secretName": object_name, "items": [item]}}
                if kind == "secrets"
                else {"configMap": {"name": object_name, "items": [item]}}
            )
            yield {"name": name, **source}, {"name": name, "mountPath": target, "subPath": key, "readOnly": True}


def bound_file(service: str, target: str, number: int) -> tuple[Document, Document]:
    """(volume, mount) of a file that is bound."""
    name = f"{OWN}bound-{number}"
    items = [{"key": _BOUND, "path": _BOUND, "mode": _READABLE}]
    source = {"name": bound_name(service, target), "items": items}
    mount = {"name": name, "mountPath": target, "subPath": _BOUND, "readOnly": True}
    return {"name": name, "configMap": source}, mount


def bound_name(service: str, target: str) -> str:
    """The ConfigMap of a bound file."""
    return label(f"{service}-{target.strip('/')}")


def objects(context: Context) -> Iterator[Document]:
    """The ConfigMaps and Secrets of all that services are shown. Raises :class:`UnsupportedError` for what is too large."""
    used = dict.fromkeys(one for service in context.project.services.values() for one in service.files())
    for kind, key in used:
        values = (context.project.secrets if kind == "secrets" else context.project.configs).get(key) or {}
        name = _object_name(context, kind, key)
        if values.get("external") or (kind == "secrets" and context.options.leave_secrets):
            what = "Secret" if kind == "secrets" else "ConfigMap"
            context.tell((kind, key), f"the {what} {name} with the key {key} must be there")
            continue
        data = _fitting(context, (kind, key), context.contents[kind, key])
        yield _secret(context, name, key, data) if kind == "secrets" else _config(context, name, key, data)
        if kind == "secrets":
            context.tell((kind, key), "its value is in the manifest, readable by all who can read that")
    yield from _bound(context)


def _bound(context: Context) -> Iterator[Document]:
    if context.options.host_paths:
        return
    for service in context.project.services.values():
        for number, mount in enumerate(service.values.get("volumes") or ()):
            source = str(mount.get("source") or "")
            if mount.get("type") == "bind" and source in context.bound:
                data = _fitting(context, ("services", service.name, "volumes", number), context.bound[source])
                yield _config(context, bound_name(service.name, str(mount["target"])), _BOUND, data)


def digest(context: Context, service: Service) -> str:
    """Of all that its files hold: with it in the pod's template, pods are made anew when a file changes. Empty without files."""
    parts = [(f"{kind}/{key}", context.contents.get((kind, key), b"")) for kind, key in service.files()]
    for mount in service.values.get("volumes") or ():
        source = str(mount.get("source") or "")
        if mount.get("type") == "bind" and source in context.bound and not context.options.host_paths:
            parts.append((str(mount["target"]), context.bound[source]))
    if not parts:
        return ""
    lines = "".join(f"{name}\0{sha256(data).hexdigest()}\n" for name, data in parts)
    return sha256(lines.encode()).hexdigest()


def _object_name(context: Context, kind: str, key: str) -> str:
    values = (context.project.secrets if kind == "secrets" else context.project.configs).get(key) or {}
    return label(str(values.get("name") or f"{context.project.name}-{key}"))


def _fitting(context: Context, path: Path, data: bytes) -> bytes:
    if len(data) > MOST:
        raise context.refused(path, f"it has more than the {MOST} bytes that Kubernetes takes", "a volume")
    return data


def _secret(context: Context, name: str, key: str, data: bytes) -> Document:
    head = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata(context, name)}
    return {**head, "type": "Opaque", "data": {key: b64encode(data).decode()}}


def _config(context: Context, name: str, key: str, data: bytes) -> Document:
    head: Document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(context, name)}
    try:
        return {**head, "data": {key: data.decode()}}
    except UnicodeDecodeError:
        return {**head, "binaryData": {key: b64encode(data).decode()}}


def _mode(value: object) -> int:
    if value is None:
        return _READABLE
    return value if isinstance(value, int) else int(str(value), 8)
