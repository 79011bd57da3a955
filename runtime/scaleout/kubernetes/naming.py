"""Names and labels as Kubernetes has them. Pure.

Source: kubernetes.io, "Object Names and IDs" (RFC 1035 labels) and "Labels and Selectors".
"""

from __future__ import annotations

import re
from hashlib import sha256

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.runtime.compose.project import Project
    from whit.runtime.scaleout.kubernetes.model import Context, Document

_LONGEST = 50
"""Letters of a name: a StatefulSet's and a Job's pods need some behind it, of the 63 that there are."""

_HASH = 8
_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", re.ASCII)
OWN = "whit-"
"""What volumes' names in a pod begin with that no file names."""

_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)
NETWORK = "network.whit/"
"""What a network's label on its pods begins with."""


def label(text: str) -> str:
    """A name of small letters, digits and ``-`` that begins with a letter. Raises :class:`UsageError` where nothing is left."""
    name = re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")
    if not name:
        raise UsageError(f"'{text[:60]}' leaves no name for Kubernetes", hint="letters, digits and '-'")
    if not name[0].isalpha():
        name = f"n-{name}"
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - _HASH - 1].rstrip('-')}-{sha256(text.encode()).hexdigest()[:_HASH]}"
    return name


def volume_name(key: str) -> str:
    """What a pod calls a named volume; what begins with ``whit-`` is for volumes that no file names."""
    name = label(key)
    return f"v-{name}" if name.startswith(OWN) else name


def is_key(text: str) -> bool:
    """Whether it can be the key of an annotation or label."""
    return bool(_KEY.fullmatch(text))


def is_value(text: str) -> bool:
    """Whether it can be the value of a label."""
    return bool(_VALUE.fullmatch(text))


def is_host(text: str) -> bool:
    """Whether it can be the name of a host, or of what lies outside of all namespaces (RFC 1123)."""
    return bool(_HOST.fullmatch(text))


def labels(project: Project, name: str) -> dict[str, str]:
    """What tells a service's pods, and objects, from all others."""
    return {"app.kubernetes.io/name": label(name), "app.kubernetes.io/part-of": label(project.name)}


def metadata(context: Context, name: str, service: str = "", annotations: dict[str, str] | None = None) -> Document:
    """An object's head; ``name`` is final."""
    about = {"app.kubernetes.io/part-of": label(context.project.name)}
    made: Document = {"name": name}
    if context.options.namespace:
        made["namespace"] = context.options.namespace
    made["labels"] = labels(context.project, service) if service else about
    if annotations:
        made["annotations"] = annotations
    return made


def network_label(context: Context, key: str) -> str:
    """The label of the pods in a network."""
    return f"{NETWORK}{label(context.project.network_name(key))}"
