"""Projects, and what Swarm's managers say of services and tasks, in the form of the Engine API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.compose.loading import load
from whit.runtime.compose.project import read_project
from whit.runtime.scaleout.swarm.dialect import Wish, stack_file

if TYPE_CHECKING:
    from whit.runtime.compose.project import Project
    from whit.runtime.scaleout.swarm.dialect import StackFile

BEFORE, LATER = "2026-01-01T10:00:00.000000001Z", "2026-01-01T11:00:00.000000001Z"


def read(text: str) -> tuple[Project, Any]:
    """A project of this file, and where its values stand."""
    canonical = load(text, name="shop")

    def where(path: tuple[str, ...]) -> str:
        place = canonical.place(*path)
        return f"{place}: " if place else ""

    return read_project(canonical.configuration, canonical.directory, canonical.files), where


def stack(text: str, **wish: Any) -> StackFile:
    """What becomes of a Compose file."""
    project, where = read(text)
    return stack_file(project, where, Wish(**wish))


def service(text: str, **wish: Any) -> dict[str, Any]:
    """What becomes of a service ``web`` of this."""
    lines = "".join(f"    {line}\n" for line in text.strip().splitlines())
    found: dict[str, Any] = stack(f"services:\n  web:\n    image: i\n{lines}", **wish).configuration["services"]["web"]
    return found


def there(replicas: int = 2, image: str = "i", **more: Any) -> dict[str, Any]:
    """A service at the engine."""
    spec: dict[str, Any] = {
        "Name": "shop_web",
        "Labels": {"com.docker.stack.namespace": "shop"},
        "TaskTemplate": {"ContainerSpec": {"Image": image}},
        "Mode": {"Replicated": {"Replicas": replicas}},
    }
    spec |= more.pop("spec", {})
    return {"ID": "s1", "Spec": spec, "UpdatedAt": BEFORE, **more}


def task(slot: int, state: str, **more: Any) -> dict[str, Any]:
    """One of its tasks."""
    status = {"State": state, "Timestamp": LATER, **({"Err": more.pop("err")} if "err" in more else {})}
    desired = more.pop("desired", "running" if state not in {"failed", "rejected", "shutdown"} else "shutdown")
    spec = {"ContainerSpec": {"Image": more.pop("image", "i")}}
    return {
        "ID": f"t{slot}{state}{more.pop('tag', '')}",
        "ServiceID": "s1",
        "Slot": slot,
        "NodeID": "n1",
        "DesiredState": desired,
        "Status": status,
        "Spec": spec,
        "CreatedAt": LATER,
        **more,
    }
