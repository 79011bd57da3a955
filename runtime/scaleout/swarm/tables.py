"""Stacks, their services and tasks, as docker's tables and for programs. Pure."""

from __future__ import annotations

from whit.packer.showing.ages import human_duration
from whit.packer.showing.tabular import aligned
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.shortid import short_id
from whit.runtime.scaleout.swarm.specs import NAMESPACE
from whit.runtime.scaleout.swarm.verdict import is_job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    Object = Mapping[str, Any]
    Rows = list[dict[str, Any]]


def stacks(services: Sequence[Object]) -> Rows:
    """Each stack with the number of its services."""
    counts: dict[str, int] = {}
    for one in services:
        name = str((one["Spec"].get("Labels") or {}).get(NAMESPACE))
        counts[name] = counts.get(name, 0) + 1
    return [{"name": name, "services": count} for name, count in sorted(counts.items())]


def services(found: Sequence[Object], tasks: Sequence[Object]) -> Rows:
    """Each service with its tasks: those that are there, of those that are wanted."""
    return [_service(one, [task for task in tasks if task["ServiceID"] == one["ID"]]) for one in found]


def _service(service: Object, tasks: Sequence[Object]) -> dict[str, Any]:
    spec = service["Spec"]
    mode, how = next(iter(spec["Mode"].items()))
    wanted = [one for one in tasks if one.get("DesiredState") in {"running", "complete"}]
    done = "complete" if is_job(spec) else "running"
    have = sum(_state(one) == done for one in wanted)
    want = {"Replicated": "Replicas", "ReplicatedJob": "TotalCompletions"}.get(mode)
    update = service.get("UpdateStatus") or {}
    return {
        "id": service["ID"],
        "name": spec["Name"],
        "mode": {"ReplicatedJob": "replicated-job", "GlobalJob": "global-job"}.get(mode, mode.lower()),
        "running": have,
        "wanted": int(how.get(want, 1)) if want else len(wanted),
        "image": spec["TaskTemplate"]["ContainerSpec"]["Image"],
        "ports": [_port(one) for one in (spec.get("EndpointSpec") or {}).get("Ports") or ()],
        "update": {"state": update.get("State") or "", "message": update.get("Message") or ""},
    }


def _port(port: Object) -> dict[str, Any]:
    return {
        "published": port.get("PublishedPort") or 0,
        "target": port["TargetPort"],
        "protocol": port.get("Protocol") or "tcp",
        "mode": port.get("PublishMode") or "ingress",
    }


def tasks(found: Sequence[Object], services_: Sequence[Object], nodes: Mapping[str, str], now: float) -> Rows:
    """Each task, a service's in the order of their numbers, the newest first; ``now`` in seconds since 1970."""
    names = {one["ID"]: one["Spec"]["Name"] for one in services_}
    rows = [_task(one, str(names.get(one["ServiceID"], one["ServiceID"])), nodes, now) for one in found]
    rows.sort(key=lambda row: row["age"])
    return sorted(rows, key=lambda row: (row["service"], row["slot"], row["node"] if not row["slot"] else ""))


def _task(task: Object, name: str, nodes: Mapping[str, str], now: float) -> dict[str, Any]:
    status = task.get("Status") or {}
    slot = int(task.get("Slot") or 0)
    return {
        "id": task["ID"],
        "name": f"{name}.{slot or task.get('NodeID', '')}",
        "service": name,
        "slot": slot,
        "image": ((task.get("Spec") or {}).get("ContainerSpec") or {}).get("Image", ""),
        "node": nodes.get(str(task.get("NodeID") or ""), ""),
        "desired": str(task.get("DesiredState") or ""),
        "state": _state(task),
        "age": max(0.0, now - _seconds(str(status.get("Timestamp") or ""), now)),
        "error": str(status.get("Err") or ""),
    }


def _state(task: Object) -> str:
    return str((task.get("Status") or {}).get("State") or "")


def _seconds(text: str, now: float) -> float:
    from datetime import datetime  # noqa: PLC0415 - for tasks alone

    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return now


def stacks_table(rows: Rows) -> str:
    """Docker's ``stack ls``."""
    return _table(("NAME", "SERVICES"), [(row["name"], str(row["services"])) for row in rows])


def services_table(rows: Rows) -> str:
    """Docker's ``stack services``."""
    lines = [
        (
            short_id(row["id"]),
            row["name"],
            row["mode"],
            f"{row['running']}/{row['wanted']}",
            short_image(row["image"]),
            ", ".join(_port_text(port) for port in row["ports"]),
        )
        for row in rows
    ]
    return _table(("ID", "NAME", "MODE", "REPLICAS", "IMAGE", "PORTS"), lines)


def _port_text(port: Object) -> str:
    return f"*:{port['published'] or ''}->{port['target']}/{port['protocol']}"


def tasks_table(rows: Rows, *, whole: bool = False) -> str:
    """Docker's ``stack ps``; a task that came before another one of its place is set in."""
    lines, before = [], None
    for row in rows:
        place = (row["service"], row["slot"], row["node"] if not row["slot"] else "")
        name = f" \\_ {row['name']}" if place == before else row["name"]
        before = place
        current = f"{row['state'].capitalize()} {human_duration(row['age']).lower()} ago"
        error = row["error"] if whole or len(row["error"]) <= _ERROR else f"{row['error'][: _ERROR - 1]}…"
        image = row["image"] if whole else short_image(row["image"])
        lines.append(
            (
                row["id"] if whole else short_id(row["id"]),
                name,
                image,
                row["node"],
                row["desired"].capitalize(),
                current,
                f'"{error}"' if error else "",
            )
        )
    return _table(("ID", "NAME", "IMAGE", "NODE", "DESIRED STATE", "CURRENT STATE", "ERROR"), lines)


_ERROR = 40


def short_image(image: str) -> str:
    """Without its digest, where it has a tag."""
    name, at, _ = image.partition("@")
    return name if at and ":" in name.rpartition("/")[2] else image


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return aligned("\n".join("\t".join(row) for row in (header, *rows)))
