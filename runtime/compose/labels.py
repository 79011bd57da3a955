"""docker compose's labels, by which containers, networks and volumes are known as a project's. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.runtime.compose.project import Project, Service

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"
ONEOFF = "com.docker.compose.oneoff"
HASH = "com.docker.compose.config-hash"
IMAGE = "com.docker.compose.image"
DEPENDS = "com.docker.compose.depends_on"
DIRECTORY = "com.docker.compose.project.working_dir"
FILES = "com.docker.compose.project.config_files"
NETWORK = "com.docker.compose.network"
VOLUME = "com.docker.compose.volume"
HOOK = "com.docker.compose.hook"
HOOK_INDEX = "com.docker.compose.hook-index"
REPLACES = "com.docker.compose.replace"


def service_labels(project: Project, service: Service, number: int, *, oneoff: bool = False) -> dict[str, str]:
    """Those that a container has whatever becomes of it."""
    depends = ",".join(
        f"{one.service}:{one.condition.value}:{str(one.restart).lower()}" for one in service.dependencies
    )
    return {
        PROJECT: project.name,
        SERVICE: service.name,
        NUMBER: str(number),
        ONEOFF: str(oneoff),
        DEPENDS: depends,
        DIRECTORY: project.directory,
        FILES: ",".join(project.files),
    }


def depends_of(text: str) -> tuple[str, ...]:
    """The services that a container's label names, which a project without its file is stopped by."""
    return tuple(part.partition(":")[0] for part in text.split(",") if part)
