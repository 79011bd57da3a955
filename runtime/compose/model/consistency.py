"""Whether what services speak of is there, and whether what they say fits together. Pure; on plain values, told with their places."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model.kinds import near
from whit.runtime.compose.model.nodes import ComposeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from whit.runtime.compose.model.nodes import Path, Place

    Plain = dict[str, Any]
    """A plain mapping of the canonical configuration."""


class Checking:
    """One project."""

    __slots__ = ("disabled", "jobs", "places", "project")

    def __init__(self, project: Plain, disabled: Plain, places: Mapping[Path, Place]) -> None:
        self.project = project
        self.disabled = disabled
        """Services that no profile turns on."""
        self.places = places
        self.jobs: Plain = project.get("jobs", {})

    def wrong(self, path: Path, text: str, hint: str | None = None) -> ComposeError:
        """An error at a path, or at the nearest place above it."""
        while path and path not in self.places:
            path = path[:-1]
        return ComposeError(text, self.places.get(path), hint)

    def all(self) -> None:
        """Raise :class:`ComposeError` for the first thing that doesn't fit."""
        for name, service in self.project.get("services", {}).items():
            self.service(name, service)
        for name, job in self.jobs.items():
            if name in self.project.get("services", {}) or name in self.disabled:
                raise self.wrong(("jobs", name), f"'{name}' is both a service and a job")
            self.depends("jobs", name, job)
        self.container_names()
        self.cycles()

    def service(self, name: str, service: Plain) -> None:
        """One service."""
        here = ("services", name)
        if "image" not in service and "build" not in service and "provider" not in service:
            raise self.wrong(here, f"the service '{name}' has neither 'image' nor 'build'")
        self.build(here, service)
        self.resources(here, service)
        self.depends("services", name, service)
        self.limits(here, service)
        self.mounts(here, service)
        probe = service.get("healthcheck", {}).get("test")
        if probe and probe[0] not in {"CMD", "CMD-SHELL", "NONE"}:
            raise self.wrong(
                (*here, "healthcheck", "test"),
                f"a health check's list begins with CMD, CMD-SHELL or NONE, and this with '{str(probe[0])[:60]}'",
            )
        for number, watch in enumerate((service.get("develop") or {}).get("watch", [])):
            if not watch.get("path"):
                raise self.wrong((*here, "develop", "watch", number), "there is nothing to watch: 'path' is empty")
            if "target" not in watch and watch.get("action") not in {"rebuild", "restart"}:
                raise self.wrong((*here, "develop", "watch", number), f"'{watch.get('action')}' needs 'target'")

    def build(self, here: Path, service: Plain) -> None:
        """What an image is built from."""
        build = service.get("build")
        if not isinstance(build, dict):
            return
        if "dockerfile" in build and "dockerfile_inline" in build:
            raise self.wrong((*here, "build"), "a build has both 'dockerfile' and 'dockerfile_inline'", "leave one out")
        for key, source in build.get("additional_contexts", {}).items():
            other = source.removeprefix("service:")
            if other == source:
                continue
            path = (*here, "build", "additional_contexts", key)
            found = self.project.get("services", {}).get(other) or self.disabled.get(other)
            if found is None:
                raise self.wrong(path, f"there is no service '{other[:60]}'", near(other, self.project["services"]))
            if "build" not in found:
                raise self.wrong(path, f"the service '{other[:60]}' isn't built")
        platform = service.get("platform")
        if platform and build.get("platforms") and platform not in build["platforms"]:
            raise self.wrong((*here, "build", "platforms"), f"the service's platform {platform} isn't among these")
        for number, secret in enumerate(build.get("secrets", [])):
            self.named((*here, "build", "secrets", number), "secrets", secret.get("source", ""))

    def named(self, path: Path, section: str, name: str) -> None:
        """Whether there is such a resource."""
        held = self.project.get(section, {})
        if name not in held:
            kind = section.removesuffix("s")
            hint = near(name, held) if held else f"declare it: '{section}: {{{name[:60]}: …}}' at the top"
            raise self.wrong(path, f"there is no {kind} '{name[:60]}'", hint)

    def resources(self, here: Path, service: Plain) -> None:
        """Networks, volumes, secrets … that a service names."""
        networks = service.get("networks") or {}
        if service.get("network_mode") and networks:
            raise self.wrong((*here, "network_mode"), "a service has either 'network_mode' or 'networks'")
        for key in networks:
            self.named((*here, "networks", key), "networks", key)
        for key in service.get("models") or {}:
            self.named((*here, "models", key), "models", key)
        for number, mount in enumerate(service.get("volumes", [])):
            if isinstance(mount, dict) and mount.get("type") == "volume" and mount.get("source"):
                self.named((*here, "volumes", number), "volumes", mount["source"])
        for section in ("configs", "secrets"):
            for number, item in enumerate(service.get(section, [])):
                self.named((*here, section, number), section, item.get("source", ""))

    def depends(self, section: str, name: str, service: Plain) -> None:
        """Services that one waits for."""
        services = self.project.get("services", {})
        for other, how in service.get("depends_on", {}).items():
            path = (section, name, "depends_on", other)
            if other in services or (section == "jobs" and other in self.jobs):
                continue
            if other in self.disabled:
                if not how.get("required", True):
                    continue
                profiles = ", ".join(self.disabled[other].get("profiles", []))
                raise self.wrong(path, f"the service '{other}' is off", f"it is on with --profile {profiles}")
            if other in self.jobs:
                raise self.wrong(path, f"'{other}' is a job, and only jobs depend on jobs")
            raise self.wrong(path, f"there is no service '{other[:60]}'", near(other, services))

    def limits(self, here: Path, service: Plain) -> None:
        """What may be said at two places must be the same."""
        deploy = service.get("deploy") or {}
        scale, replicas = service.get("scale"), deploy.get("replicas")
        if scale is not None and replicas is not None and scale != replicas:
            raise self.wrong((*here, "scale"), "'scale' and 'deploy.replicas' say different things")
        if isinstance(scale, int) and deploy:
            deploy["replicas"] = scale
        for path, count in (((*here, "scale"), scale), ((*here, "deploy", "replicas"), replicas)):
            if isinstance(count, int) and count < 0:
                raise self.wrong(path, f"there can't be {count} containers")
        count = scale if scale is not None else replicas
        if isinstance(count, int) and count > 1 and service.get("container_name"):
            raise self.wrong((*here, "container_name"), f"{count} containers can't have one name")
        for key, group, other in _TWICE:
            bounds = deploy.get("resources", {}).get(group)
            if service.get(key) and bounds is not None and bounds.get(other) != service[key]:
                raise self.wrong((*here, key), f"'{key}' and 'deploy.resources.{group}.{other}' say different things")

    def mounts(self, here: Path, service: Plain) -> None:
        """No two mounts at one place."""
        known: dict[str, str] = {}
        rows = [(("tmpfs", number), item.partition(":")[0]) for number, item in enumerate(service.get("tmpfs", []))]
        rows += [
            (("volumes", number), item.get("target", ""))
            for number, item in enumerate(service.get("volumes", []))
            if isinstance(item, dict)
        ]
        for (key, number), target in rows:
            where = f"{key}[{number}]"
            if target in known:
                raise self.wrong((*here, key, number), f"{target} is mounted twice: by {known[target]} too")
            known[target] = where

    def container_names(self) -> None:
        """No two containers of one name."""
        known: dict[str, str] = {}
        for name, service in self.project.get("services", {}).items():
            chosen = service.get("container_name")
            if chosen and chosen in known:
                path = ("services", name, "container_name")
                raise self.wrong(path, f"the container's name '{chosen}' is taken by the service '{known[chosen]}'")
            if chosen:
                known[chosen] = name

    def cycles(self) -> None:
        """No service waits for itself."""
        containers = {**self.project.get("services", {}), **self.jobs}
        done: set[str] = set()
        for first, begin in containers.items():
            way = {first: None}
            stack = [(first, iter(begin.get("depends_on", {})))]
            while stack:
                name, others = stack[-1]
                other = next(others, None)
                if other is None:
                    done.add(name)
                    stack.pop()
                    way.popitem()
                elif other in way:
                    round_ = list(way)[list(way).index(other) :]
                    names = " → ".join([*round_, other])
                    section = "jobs" if name in self.jobs else "services"
                    hint = "one of them has to start first: take one of these depends_on (or links, volumes_from) away"
                    raise self.wrong(
                        (section, name, "depends_on", other), f"services depend on each other: {names}", hint
                    )
                elif other not in done and other in containers:
                    stack.append((other, iter(containers[other].get("depends_on", {}))))
                    way[other] = None


_TWICE = (
    ("cpus", "limits", "cpus"),
    ("mem_limit", "limits", "memory"),
    ("mem_reservation", "reservations", "memory"),
    ("pids_limit", "limits", "pids"),
)
"""Keys of a service that ``deploy.resources`` has too."""
