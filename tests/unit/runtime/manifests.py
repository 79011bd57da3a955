"""Manifests of small projects, for the tests of Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.unit.runtime.compose_projects import project_of
from whit.runtime.compose.keys import dotted
from whit.runtime.scaleout.kubernetes.generating import generate
from whit.runtime.scaleout.kubernetes.model import Bound, Context, Options

if TYPE_CHECKING:
    from whit.runtime.scaleout.kubernetes.model import BoundFile, Generated

Services = dict[str, dict[str, Any]]


def generated(
    services: Services,
    options: Options | None = None,
    contents: dict[tuple[str, str], bytes] | None = None,
    bound: dict[str, dict[str, BoundFile]] | None = None,
    **parts: dict[str, Any],
) -> Generated:
    """All that is made of these services; places are called ``AT path:``."""
    context = Context(
        project_of(services, **parts),
        options or Options(),
        lambda path: f"AT {dotted(path)}: ",
        contents or {},
        {path: Bound(held) for path, held in (bound or {}).items()},
        [],
    )
    return generate(context)


def of_kind(made: Generated, kind: str, name: str = "") -> dict[str, Any]:
    """The only object of a kind, or that with this name."""
    found = [one for one in made.manifests if one["kind"] == kind and name in {"", one["metadata"]["name"]}]
    assert len(found) == 1, [(one["kind"], one["metadata"]["name"]) for one in made.manifests]
    return found[0]


def kinds(made: Generated) -> list[tuple[str, str]]:
    """(kind, name) of all objects but policies and Services."""
    passed = {"NetworkPolicy", "Service"}
    return [(one["kind"], one["metadata"]["name"]) for one in made.manifests if one["kind"] not in passed]


def pod(services: Services, options: Options | None = None, **more: Any) -> dict[str, Any]:
    """The pod of the only service that has one."""
    made = generated(services, options, **more)
    workloads = [one for one in made.manifests if "template" in one.get("spec", {})]
    assert len(workloads) == 1
    spec: dict[str, Any] = workloads[0]["spec"]["template"]["spec"]
    return spec


def container(values: dict[str, Any], options: Options | None = None, **more: Any) -> dict[str, Any]:
    """The container of a service ``web``."""
    first: dict[str, Any] = pod({"web": values}, options, **more)["containers"][0]
    return first


def notes(made: Generated) -> list[str]:
    """What was told, by subject, but what is told of all services."""
    return [f"{note.subject}: {note.text}" for note in made.notes if note.subject != "services"]
