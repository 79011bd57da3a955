"""Secrets, configs and what is bound: the objects that hold them, and how a pod mounts them. Pure."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes.model import filled
from whit.runtime.scaleout.kubernetes.naming import OWN, label, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whit.runtime.compose.keys import Path
    from whit.runtime.compose.project import Service
    from whit.runtime.scaleout.kubernetes.model import Bound, Context, Document

MOST = 1 << 20
"""Bytes of a ConfigMap or a Secret (kubernetes.io, "ConfigMaps")."""

_AT = "/run/secrets"
_READABLE = 0o444
_EXECUTABLE = 0o555
_BOUND = "file"
"""A lone bound file's key in its ConfigMap."""

_KEY = re.compile(r"(?!\.\.)[-._a-zA-Z0-9]{1,253}", re.ASCII)
"""A file's name that can be a key (kubernetes.io, "ConfigMaps"); the kubelet has its own that begin with two dots."""


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


def bound_files(service: str, target: str, number: int, bound: Bound) -> tuple[Document, Document]:
    """(volume, mount) of a file, or a folder of files, that is bound. Raises :class:`UsageError` for names that can't be."""
    name = f"{OWN}bound-{number}"
    for one in bound.files:
        if one and (not _KEY.fullmatch(one) or one == "."):
            raise UsageError(f"'{one[:60]}' can't be in a ConfigMap", hint="names of letters, digits, '-', '_' and '.'")
    items = [
        {"key": one or _BOUND, "path": one or _BOUND, "mode": _EXECUTABLE if file.is_executable else _READABLE}
        for one, file in bound.files.items()
    ]
    source: Document = {"name": bound_name(service, target), **({"items": items} if items else {})}
    mount: Document = {"name": name, "mountPath": target, "readOnly": True}
    return {"name": name, "configMap": source}, mount if bound.is_folder else {**mount, "subPath": _BOUND}


def bound_name(service: str, target: str) -> str:
    """The ConfigMap of what is bound."""
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
        yield _secret(context, name, key, data) if kind == "secrets" else _config(context, name, {key: data})
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
                held = {name or _BOUND: file.data for name, file in context.bound[source].files.items()}
                _fitting(context, ("services", service.name, "volumes", number), b"".join(held.values()))
                yield _config(context, bound_name(service.name, str(mount["target"])), held)


def digest(context: Context, service: Service) -> str:
    """Of all that its files hold: with it in the pod's template, pods are made anew when a file changes. Empty without files."""
    parts = [(f"{kind}/{key}", context.contents.get((kind, key), b"")) for kind, key in service.files()]
    for mount in service.values.get("volumes") or ():
        source = str(mount.get("source") or "")
        if mount.get("type") == "bind" and source in context.bound and not context.options.host_paths:
            held = context.bound[source].files.items()
            parts += [(f"{mount['target']}/{name}" if name else str(mount["target"]), one.data) for name, one in held]
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


def _config(context: Context, name: str, held: Mapping[str, bytes]) -> Document:
    texts: dict[str, str] = {}
    others: dict[str, str] = {}
    for key, data in held.items():
        try:
            texts[key] = data.decode()
        except UnicodeDecodeError:
            others[key] = b64encode(data).decode()
    head: Document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(context, name)}
    return {**head, **filled({"data": texts, "binaryData": others})}


def _mode(value: object) -> int:
    if value is None:
        return _READABLE
    return value if isinstance(value, int) else int(str(value), 8)
