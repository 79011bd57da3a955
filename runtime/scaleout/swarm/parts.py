"""Networks, volumes, secrets and configs of a project in the dialect of stack files. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from whit.runtime.compose.project import Project, Values
    from whit.runtime.scaleout.swarm.dialect import Telling

Parts = dict[str, dict[str, "Any"]]
_OVERLAY = "overlay"


def networks(project: Project, telling: Telling) -> Parts:
    """Networks of all nodes: overlays."""
    made: Parts = {}
    for key, given in project.networks.items():
        values: Values = given or {}
        name = project.network_name(key)
        if values.get("external"):
            made[key] = {"name": name, "external": True}
            continue
        path = ("networks", key)
        driver = str(values.get("driver") or "")
        if driver not in {"", _OVERLAY}:
            telling.note((*path, "driver"), f"now overlay: {driver} is of one node")
        own = driver in {"", _OVERLAY}
        made[key] = {"name": name, "driver": _OVERLAY}
        made[key] |= {inner: values[inner] for inner in ("internal", "attachable", "labels") if values.get(inner)}
        if values.get("driver_opts"):
            made[key] |= {"driver_opts": {k: str(v) for k, v in values["driver_opts"].items()}} if own else {}
        if values.get("enable_ipv6"):
            raise telling.refused((*path, "enable_ipv6"), "overlays of Swarm are of IPv4")
        if ipam := _ipam(path, values.get("ipam") or {}, telling):
            made[key]["ipam"] = ipam
    return made


def _ipam(path: tuple[str, ...], ipam: Values, telling: Telling) -> dict[str, Any]:
    config = []
    for one in ipam.get("config") or ():
        for inner in set(one) - {"subnet"}:
            telling.note((*path, "ipam"), f"left out: {inner}; Swarm chooses within the subnet")
        if one.get("subnet"):
            config.append({"subnet": one["subnet"]})
    driver = {"driver": ipam["driver"]} if ipam.get("driver") else {}
    return {**driver, **({"config": config} if config else {})}


def volumes(project: Project, telling: Telling) -> Parts:
    """Volumes, each node's own unless their driver shares them."""
    made: Parts = {}
    for key, given in project.volumes.items():
        values: Values = given or {}
        made[key] = {"name": project.volume_name(key)}
        if values.get("external"):
            made[key]["external"] = True
            telling.note(("volumes", key), "external: has to be on each node that uses it")
            continue
        made[key] |= {inner: values[inner] for inner in ("driver", "driver_opts", "labels") if values.get(inner)}
    return made


def files(project: Project, kind: str, telling: Telling, names: Mapping[tuple[str, str], str]) -> Parts:
    """Secrets or configs, by names that change with what is in them: Swarm's can't be changed."""
    made: Parts = {}
    for key, given in (project.secrets if kind == "secrets" else project.configs).items():
        values: Values = given or {}
        name = names.get((kind, key), str(values.get("name") or key))
        if values.get("external"):
            made[key] = {"name": str(values.get("name") or key), "external": True}
        elif values.get("file"):
            made[key] = {"name": name, "file": str(values["file"])}
        else:
            what = "environment" if values.get("environment") else "content"
            if telling.exports:
                telling.note((kind, key, what), f"now external: 'whit stack deploy' makes {name}, a stack file can't")
            made[key] = {"name": name, "external": True}
        made[key] |= {inner: values[inner] for inner in ("labels", "template_driver") if values.get(inner)}
        if values.get("driver"):
            raise telling.refused((kind, key, "driver"), "file:, environment: or content:")
    return made


def version_name(name: str, digest: str) -> str:
    """A secret's or config's name with what is in it: 64 characters at most, which is Swarm's bound."""
    return f"{name[:51]}-{digest[:12]}"
