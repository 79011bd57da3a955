"""What a service mounts, in the dialect of stack files. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model.units import size

if TYPE_CHECKING:
    from typing import Any

    from whit.runtime.compose.keys import Path
    from whit.runtime.compose.project import Values
    from whit.runtime.scaleout.swarm.dialect import Telling

_USUAL = frozenset(("rw", "noexec", "nosuid", "nodev"))
"""How the engine mounts a tmpfs anyway."""


def volumes(name: str, values: Values, telling: Telling) -> list[dict[str, Any]]:
    """All mounts: ``volumes``, ``tmpfs`` and what ``shm_size`` comes to. Raises :class:`UnsupportedError`."""
    made = [
        _volume(("services", name, "volumes", number), one, telling)
        for number, one in enumerate(values.get("volumes") or ())
    ]
    path = ("services", name, "tmpfs")
    many = values.get("tmpfs") or ()
    for text in [many] if isinstance(many, str) else many:
        telling.note(path, "now of volumes, type tmpfs")
        made.append(_tmpfs(text, path, telling))
    if values.get("shm_size"):
        telling.note(("services", name, "shm_size"), "now of volumes, type tmpfs, at /dev/shm")
        bytes_ = size(str(values["shm_size"])) or 0
        made.append({"type": "tmpfs", "target": "/dev/shm", "tmpfs": {"size": bytes_, "mode": 0o1777}})  # noqa: S108
    for one in made if telling.exports else ():
        if "mode" in one.get("tmpfs", {}):
            telling.note(("services", name), f"docker stack deploy doesn't read the mode of {one['target']}")
    return made


def _volume(path: Path, one: Values, telling: Telling) -> dict[str, Any]:
    kind = str(one.get("type") or "volume")
    made: dict[str, Any] = {"type": kind, "target": one["target"]}
    made |= {key: one[key] for key in ("source", "read_only") if one.get(key)}
    if kind == "bind":
        telling.note(path, f"{one['source']} has to be on each node that the service may run on")
        if propagation := (one.get("bind") or {}).get("propagation"):
            made["bind"] = {"propagation": propagation}
    elif kind == "volume":
        options: Values = one.get("volume") or {}
        if options.get("subpath"):
            raise telling.refused(path, "mount the whole volume")
        if one.get("source"):
            telling.note(path, f"volume {one['source']}: each node has its own, unless its driver shares it")
        if options.get("nocopy"):
            made["volume"] = {"nocopy": True}
    elif kind == "tmpfs":
        options = one.get("tmpfs") or {}
        found = {"size": size(str(options["size"])) or 0} if options.get("size") else {}
        made["tmpfs"] = found | ({"mode": int(options["mode"])} if options.get("mode") is not None else {})
    elif kind != "cluster":
        raise telling.refused(path, f"volumes of type bind, volume, tmpfs or cluster instead of {kind}")
    return {key: value for key, value in made.items() if value != {}}


def _tmpfs(text: str, path: Path, telling: Telling) -> dict[str, Any]:
    target, _, options = text.partition(":")
    found: dict[str, int] = {}
    for option in filter(None, options.split(",")):
        key, _, value = option.partition("=")
        bytes_ = size(value) if key == "size" else None
        if bytes_:
            found["size"] = bytes_
        elif key == "mode" and value and not set(value) - set("01234567"):
            found["mode"] = int(value, 8)
        elif option not in _USUAL:
            raise telling.refused(path, f"size= and mode= are there; take {option} out")
    return {"type": "tmpfs", "target": target, **({"tmpfs": found} if found else {})}
