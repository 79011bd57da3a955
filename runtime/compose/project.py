"""What runs: the canonical configuration (docs/compose.md), typed as far as order and names depend on it. Pure.

All else that a service says stays in its ``values``, the canonical mapping itself; running/ turns them into a container's.
"""

from __future__ import annotations

import json
from hashlib import sha256

from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    Values = Mapping[str, Any]

SERVICE, CONTAINER = "service:", "container:"
"""How another one's namespace or volumes are named."""

_NAMESPACES = ("network_mode", "ipc", "pid", "uts")
_NOT_HASHED = frozenset(("build", "depends_on", "develop", "profiles", "pull_policy", "pull_refresh_after", "scale"))
"""What may change without the container being another one."""


class Condition(StrEnum):
    """What a service waits for in another one."""

    STARTED = "service_started"
    HEALTHY = "service_healthy"
    COMPLETED = "service_completed_successfully"


@dataclass(frozen=True, slots=True)
class Dependency:
    """``required``: without it nothing starts; ``restart``: who depends on it is started anew with it."""

    service: str
    condition: Condition = Condition.STARTED
    required: bool = True
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A service. ``image`` is the name of what it runs, also where that is built first."""

    name: str
    image: str
    replicas: int
    dependencies: tuple[Dependency, ...]
    values: Values

    @property
    def is_built(self) -> bool:
        """Whether its image can be built."""
        return bool(self.values.get("build"))

    @property
    def container_name(self) -> str:
        """The name that its only container is to have; empty for the usual ones."""
        return str(self.values.get("container_name") or "")

    @property
    def network_mode(self) -> str:
        """What it has instead of networks; empty where it has those."""
        mode = str(self.values.get("network_mode") or "")
        return "" if mode in {"", "default", "bridge"} and self.networks else mode

    @property
    def networks(self) -> Mapping[str, Values | None]:
        """The networks that it is in, by their keys in the file."""
        found: Mapping[str, Values | None] = self.values.get("networks") or {}
        return found

    @property
    def has_probe(self) -> bool:
        """Whether the file says how its health is told; the image may, too."""
        check = self.values.get("healthcheck") or {}
        return bool(check) and not is_off(check)

    @property
    def can_roll(self) -> bool:
        """Whether one of its containers can be replaced without a gap: health tells when, and two have no port or address to themselves."""
        ports = (str(port.get("published") or "") for port in self.values.get("ports") or ())
        addresses = (
            values.get(key) for values in self.networks.values() if values for key in ("ipv4_address", "ipv6_address")
        )
        return self.has_probe and all(port in {"", "0"} or "-" in port for port in ports) and not any(addresses)

    @property
    def update_seconds(self) -> float:
        """How long a new container has to be well before the one that it replaces without a gap is stopped."""
        update = (self.values.get("deploy") or {}).get("update_config") or {}
        if not update.get("delay"):
            return 0.0
        from whit.packer.support.times import duration  # noqa: PLC0415 - few say so

        return duration(str(update["delay"])) / 10**9

    @property
    def hooks(self) -> tuple[Service, ...]:
        """The containers that run before its own are started: its ``pre_start``."""
        found = self.values.get("pre_start") or ()
        return tuple(Service(self.name, str(one.get("image") or self.image), 1, (), one) for one in found)

    def all_networks(self) -> tuple[str, ...]:
        """The keys of the networks that it, or what runs before it, is in."""
        return tuple(dict.fromkeys(key for one in (self, *self.hooks) for key in one.networks))

    def volumes(self) -> tuple[str, ...]:
        """The keys of the named volumes that it, or what runs before it, mounts."""
        mounts = (mount for one in (self, *self.hooks) for mount in one.values.get("volumes") or ())
        return tuple(one["source"] for one in mounts if one.get("type") == "volume" and one.get("source"))

    def files(self) -> tuple[tuple[str, str], ...]:
        """The secrets and configs that it, or what runs before it, is shown: (``secrets`` or ``configs``, key)."""
        kinds = ((kind, one.values.get(kind) or ()) for one in (self, *self.hooks) for kind in ("secrets", "configs"))
        return tuple(dict.fromkeys((kind, one["source"]) for kind, shown in kinds for one in shown))


@dataclass(frozen=True, slots=True)
class Project:
    """All of a file that runs. Networks, volumes, secrets and configs are the canonical mappings, by key."""

    name: str
    services: Mapping[str, Service]
    networks: Mapping[str, Values]
    volumes: Mapping[str, Values]
    secrets: Mapping[str, Values]
    configs: Mapping[str, Values]
    needed_by: Mapping[str, Sequence[tuple[str, Dependency]]]
    """Service → who needs it, and how. This and the next are gathered once: every service asks for them."""
    mounted_by: Mapping[str, Sequence[str]]
    """Key of a named volume → the services that mount it."""
    directory: str = ""
    files: tuple[str, ...] = ()
    disabled: frozenset[str] = frozenset()
    """Services of the file that no profile has switched on."""
    jobs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def service(self, name: str) -> Service:
        """One of its services. Raises :class:`NotFoundError` with those that there are."""
        if name not in self.services:
            hint = (
                f"services are {', '.join(self.services)}"
                if self.services
                else "the file has no service that is switched on"
            )
            raise NotFoundError(f"there is no service {name}", hint=hint)
        return self.services[name]

    def network_name(self, key: str) -> str:
        """What the network is called on this machine."""
        return str((self.networks.get(key) or {}).get("name") or f"{self.name}_{key}")

    def volume_name(self, key: str) -> str:
        """What the volume is called."""
        return str((self.volumes.get(key) or {}).get("name") or f"{self.name}_{key}")

    def container_name(self, service: str, number: int) -> str:
        """What a service's container is called."""
        given = self.services[service].container_name if service in self.services else ""
        return given or f"{self.name}-{service}-{number}"

    def chosen(self, names: Iterable[str], *, alone: bool = False) -> tuple[str, ...]:
        """The services of these names, all where there are none, and, unless ``alone``, those that they need; in order."""
        wanted = dict.fromkeys(names) or dict.fromkeys(self.services)
        todo = list(wanted)
        for name in todo:
            service = self.service(name)
            for one in () if alone else service.dependencies:
                if one.service not in wanted and one.service in self.services:
                    wanted[one.service] = None
                    todo.append(one.service)
        return tuple(name for name in self.order() if name in wanted)

    def order(self) -> tuple[str, ...]:
        """All services, each after those that it needs. Raises :class:`UsageError` for a circle."""
        done: dict[str, None] = {}
        for first in self.services:
            way = {first: iter(self.services[first].dependencies)} if first not in done else {}
            while way:  # no recursion: a chain may be longer than Python's stack
                name = next(reversed(way))
                other = next((one.service for one in way[name] if one.service not in done), None)
                if other is None:
                    done[name] = None
                    del way[name]
                elif other in way:
                    raise _circle(list(way), other)
                elif other in self.services:
                    way[other] = iter(self.services[other].dependencies)
        return tuple(done)

    def dependents(self, name: str) -> Sequence[tuple[str, Dependency]]:
        """Who needs a service, and how."""
        return self.needed_by.get(name, ())


def _circle(way: list[str], name: str) -> UsageError:
    circle = " → ".join([*way[way.index(name) :], name])
    return UsageError(f"services wait for each other: {circle}", hint="take one of these depends_on out")


def is_off(check: Values) -> bool:
    """Whether a healthcheck says that there is none."""
    return bool(check.get("disable")) or list(check.get("test") or ())[:1] == ["NONE"]


def read_project(
    config: Values, directory: str = "", files: tuple[str, ...] = (), disabled: frozenset[str] = frozenset()
) -> Project:
    """The project that a canonical configuration describes. Raises :class:`UsageError` for circles and names that aren't there."""
    name = str(config["name"])
    services = {key: _service(name, key, values or {}) for key, values in (config.get("services") or {}).items()}
    parts = {kind: config.get(kind) or {} for kind in ("networks", "volumes", "secrets", "configs")}
    jobs, models = (tuple(config.get(kind) or ()) for kind in ("jobs", "models"))
    needed_by: dict[str, list[tuple[str, Dependency]]] = {}
    mounted_by: dict[str, list[str]] = {}
    for service in services.values():
        for one in service.dependencies:
            needed_by.setdefault(one.service, []).append((service.name, one))
        for volume in dict.fromkeys(service.volumes()):
            mounted_by.setdefault(volume, []).append(service.name)
    project = Project(
        name, services, **parts, needed_by=needed_by, mounted_by=mounted_by,
        directory=directory, files=files, disabled=disabled, jobs=jobs, models=models,
    )  # fmt: skip
    for service in services.values():
        _check(project, service)
    project.order()
    return project


def _service(project: str, name: str, values: Values) -> Service:
    image = str(values.get("image") or f"{project}-{name}")
    return Service(name, image, _replicas(values), _dependencies(values), values)


def _replicas(values: Values) -> int:
    own = (values.get("deploy") or {}).get("replicas")
    scale = values.get("scale") if own is None else own
    return 1 if scale is None else int(scale)


def _dependencies(values: Values) -> tuple[Dependency, ...]:
    """Those that are said, and those that follow from what it shares with others."""
    found: dict[str, Dependency] = {}
    for name, how in (values.get("depends_on") or {}).items():
        condition = Condition(str(how.get("condition") or Condition.STARTED))
        found[name] = Dependency(name, condition, bool(how.get("required", True)), bool(how.get("restart", False)))
    for key in _NAMESPACES:
        mode = str(values.get(key) or "")
        if mode.startswith(SERVICE):
            other = mode.removeprefix(SERVICE)
            found.setdefault(other, Dependency(other, restart=True))
    for text in values.get("volumes_from") or ():
        if not text.startswith(CONTAINER):
            other = text.partition(":")[0]
            found.setdefault(other, Dependency(other))
    for text in values.get("links") or ():
        other = text.partition(":")[0]
        found.setdefault(other, Dependency(other))
    return tuple(found.values())


def _check(project: Project, service: Service) -> None:
    for one in service.dependencies:
        if one.required and one.service not in project.services:
            raise UsageError(f"service {service.name} needs {one.service}, which isn't there or isn't switched on",
                             hint="check its spelling, or switch its profile on")  # fmt: skip
    if service.container_name and service.replicas > 1:
        raise UsageError(
            f"service {service.name}: {service.replicas} containers can't all be called {service.container_name}",
            hint="leave container_name out, or scale to 1",
        )


def config_hash(project: Project, service: Service, contents: Mapping[tuple[str, str], str]) -> str:
    """What tells whether a service's containers are still as the file wants them.

    ``contents`` are the digests of the secrets and configs that it is shown, by (kind, key): with them a file that
    changed makes another container.
    """
    values = {key: value for key, value in service.values.items() if key not in _NOT_HASHED}
    deploy = {key: value for key, value in (values.pop("deploy", None) or {}).items() if key != "replicas"}
    files = {f"{kind}/{key}": contents.get((kind, key), "") for kind, key in service.files()}
    volumes = {key: project.volume_name(key) for key in service.volumes()}
    whole = {"service": values, "deploy": deploy, "files": files, "volumes": volumes}
    return digest_of(whole)


def digest_of(value: object) -> str:
    """A digest of any mapping, whatever the order in it."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return sha256(text.encode()).hexdigest()
