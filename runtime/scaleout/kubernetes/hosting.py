"""In whose pods a service is: who has another one's network is in the pods of that. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.project import SERVICE

if TYPE_CHECKING:
    from whit.runtime.compose.project import Project


def host_of(project: Project, name: str) -> str:
    """The service in whose pods another one is: itself, or that whose network it has."""
    mode = project.services[name].network_mode
    while mode.startswith(SERVICE) and mode.removeprefix(SERVICE) in project.services:
        name = mode.removeprefix(SERVICE)
        mode = project.services[name].network_mode
    return name


def runs_beside(project: Project, name: str) -> tuple[str, ...]:
    """The services that have a service's network, and so are in its pods."""
    found = [name]
    for one in found:
        found += [
            other for other, _ in project.dependents(one) if project.services[other].network_mode == SERVICE + one
        ]
    return tuple(found[1:])
