"""``platform`` and ``deploy.placement`` → where pods may be. Pure.

Source: compose-spec, deploy.md; kubernetes.io, "Assigning Pods to Nodes", "Pod Topology Spread Constraints".
"""

from __future__ import annotations

import re

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes.model import filled
from whit.runtime.scaleout.kubernetes.naming import is_key, is_value, labels

if TYPE_CHECKING:
    from whit.runtime.compose.project import Service, Values
    from whit.runtime.scaleout.kubernetes.model import Context, Document

_CONSTRAINT = re.compile(r"\s*([A-Za-z0-9._/-]+)\s*(==|!=)\s*(\S+)\s*", re.ASCII)
_HOST = "kubernetes.io/hostname"
_KNOWN = {"node.hostname": _HOST, "node.platform.os": "kubernetes.io/os", "node.platform.arch": "kubernetes.io/arch"}
_LABELS = "node.labels."
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def placed(context: Context, service: Service) -> Document:
    """``nodeSelector``, ``affinity`` and ``topologySpreadConstraints``. Raises :class:`UnsupportedError`."""
    placement: Values = (service.values.get("deploy") or {}).get("placement") or {}
    here = ("services", service.name, "deploy", "placement")
    selector: dict[str, str] = {}
    platform = str(service.values.get("platform") or "")
    if platform:
        system, _, rest = platform.partition("/")
        if not all(map(is_value, platform.split("/"))):
            raise context.refused(
                ("services", service.name, "platform"), f"no node is a {platform[:60]}", "linux/amd64"
            )
        selector["kubernetes.io/os"] = system
        if rest:
            selector["kubernetes.io/arch"] = rest.partition("/")[0]
    wanted: list[Document] = []
    for text in placement.get("constraints") or ():
        key, is_equal, value = _constraint(context, here, str(text))
        wanted.append({"key": key, "operator": "In" if is_equal else "NotIn", "values": [value]})
    affinity: Document = {}
    if wanted:
        terms = {"nodeSelectorTerms": [{"matchExpressions": wanted}]}
        affinity["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
    pods = {"matchLabels": labels(context.project, service.name)}
    most = int(placement.get("max_replicas_per_node") or 0)
    if most == 1:
        apart = [{"labelSelector": pods, "topologyKey": _HOST}]
        affinity["podAntiAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": apart}
    elif most:
        context.tell((*here, "max_replicas_per_node"), "Kubernetes counts no pods of a node")
    return filled(
        {
            "nodeSelector": selector,
            "affinity": affinity,
            "topologySpreadConstraints": _spread(context, here, placement, pods),
        }
    )


def _constraint(context: Context, here: tuple[str, ...], text: str) -> tuple[str, bool, str]:
    found = _CONSTRAINT.fullmatch(text)
    hint = f"{_LABELS}NAME == VALUE, {', '.join(_KNOWN)}"
    if not found:
        raise context.refused((*here, "constraints"), f"'{text[:60]}' isn't understood", hint)
    name, sign, value = found.groups()
    key = name.removeprefix(_LABELS) if name.startswith(_LABELS) else _KNOWN.get(name, "")
    if not is_key(key) or not is_value(value):
        raise context.refused((*here, "constraints"), f"Kubernetes' nodes have no '{text[:60]}'", hint)
    value = _ARCHITECTURES.get(value, value) if name == "node.platform.arch" else value
    return key, sign == "==", value


def _spread(context: Context, here: tuple[str, ...], placement: Values, pods: Document) -> list[Document]:
    made: list[Document] = []
    for one in placement.get("preferences") or ():
        name = str(one.get("spread") or "")
        key = name.removeprefix(_LABELS)
        if not name.startswith(_LABELS) or not is_key(key):
            raise context.refused((*here, "preferences"), f"it can't be spread over '{name[:60]}'", f"{_LABELS}NAME")
        made.append({"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": pods})
    return made
