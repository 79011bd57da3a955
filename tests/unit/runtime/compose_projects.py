"""Projects, and what there is of them, for the tests of Compose's order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whit.runtime.compose.graph.model import Present, Seen, Wanted
from whit.runtime.compose.graph.upward import Choice, plan_up
from whit.runtime.compose.project import Project, read_project

if TYPE_CHECKING:
    from whit.runtime.compose.graph.model import Step

DIGEST = "sha256:1"


def project_of(services: dict[str, dict[str, Any]], **parts: dict[str, Any]) -> Project:
    """A project ``p`` whose services are in its default network unless they say otherwise."""
    every = {
        name: {"image": "i", **({} if "network_mode" in values else {"networks": {"default": None}}), **values}
        for name, values in services.items()
    }
    networks = {"networks": {"default": {"name": "p_default"}}}
    return read_project({"name": "p", "services": every, **networks, **parts})


def seen(service: str, number: int = 1, **more: Any) -> Seen:
    """A container that was made of what :func:`up` wants, and runs."""
    values: dict[str, Any] = {
        "id": f"{service}{number}", "name": f"p-{service}-{number}", "service": service, "number": number, "created": 1,
        "hash": f"hash of {service}", "image": DIGEST, "is_up": True, "has_started": True, "networks": ("p_default",),
    }  # fmt: skip
    return Seen(**{**values, **more})


def present(*containers: Seen, networks: tuple[tuple[str, str], ...] = (("p_default", ""),)) -> Present:
    """These containers, in a network that is there."""
    return Present(containers, networks)


def up(project: Project, there: Present, *services: str, **choice: Any) -> dict[str, Step]:
    """The steps of ``up``, by their keys."""
    names = project.chosen(services, alone=choice.get("alone", False))
    wanted = {name: Wanted(f"hash of {name}", DIGEST) for name in names}
    return {step.key: step for step in plan_up(project, there, wanted, Choice(names, services, **choice))}


def comes_before(steps: dict[str, Step], first: str, second: str) -> bool:
    """Whether the second step is done after the first, however many are between them."""
    todo, known = list(steps[second].after), set[str]()
    while todo:
        key = todo.pop()
        if key == first:
            return True
        if key not in known:
            known.add(key)
            todo += steps[key].after
    return False
