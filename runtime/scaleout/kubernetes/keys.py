"""What is said of a project's keys before anything is made of it: fates.py has the tables. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.keys import below, is_off
from whit.runtime.compose.project import CONTAINER, SERVICE
from whit.runtime.scaleout.kubernetes.fates import EXPRESSED, LOST, REFUSED

if TYPE_CHECKING:
    from whit.runtime.compose.keys import Path
    from whit.runtime.compose.project import Values
    from whit.runtime.scaleout.kubernetes.model import Context

_ALONE = {"ipc": (SERVICE, CONTAINER), "pid": (SERVICE, CONTAINER), "network_mode": (CONTAINER,)}
"""Whose namespaces a service can't have. Another service's network it has in that one's pods."""


def check_keys(context: Context) -> None:
    """Note what is lost. Raises :class:`UnsupportedError` for the first key that can't be done without."""
    project = context.project
    for name, service in project.services.items():
        _walk(context, "service", service.values, ("services", name))
        for key, others in _ALONE.items():
            if str(service.values.get(key) or "").startswith(others):
                raise context.refused(("services", name, key), "pods share no namespaces", "talk by the network")
    for part, names in (("jobs", project.jobs), ("models", project.models)):
        for name in names:
            context.tell((part, name), LOST["project"][part])
    parts = {
        "networks": project.networks,
        "volumes": project.volumes,
        "secrets": project.secrets,
        "configs": project.configs,
    }
    for part, entries in parts.items():
        for key, values in entries.items():
            if values and not values.get("external"):
                _check_entry(context, part, key, values)


def _check_entry(context: Context, part: str, key: str, values: Values) -> None:
    """A network, volume, secret or config that is the project's own."""
    _walk(context, part.removesuffix("s"), values, (part, key))
    driver = str(values.get("driver") or "local")
    if part == "volumes" and driver != "local":
        raise context.refused((part, key, "driver"), f"there is no driver {driver[:60]}", "external: true")


def _walk(context: Context, record: str, values: Values, path: Path) -> None:
    for key, value in values.items():
        at = (*path, key)
        if key == "x-sandbox" and not is_off(value):
            context.tell(at, "Kubernetes has no Landlock: what a pod is left is its security context")
        if key.startswith("x-") or is_off(value):
            continue
        if key in EXPRESSED[record]:
            for name, entry, place in below(EXPRESSED, f"{record}.{key}", value, at):
                _walk(context, name, entry, place)
        elif key in LOST.get(record, {}):
            context.tell(at, LOST[record][key])
        else:
            hint = REFUSED.get(record, {}).get(key, "take it out of the file")
            raise context.refused(at, "Kubernetes has no form for it", hint)
