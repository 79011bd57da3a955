"""A project → the same in the dialect of stack files: what ``docker stack deploy`` understands, each change told. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.keys import dotted
from whit.runtime.compose.project import Condition
from whit.runtime.scaleout.swarm import mounting, networking, parts
from whit.runtime.scaleout.swarm.words import CHANGED, KEPT, LEFT_OUT, OFF, REFUSED, SILENT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from whit.runtime.compose.keys import Path, Where
    from whit.runtime.compose.project import Project, Service, Values

JOB = "replicated-job"
_CONDITIONS = {"no": "none", "none": "none", "on-failure": "on-failure", "always": "any", "unless-stopped": "any"}
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i686"}
"""Go's names of processors → those that nodes tell of themselves (uname -m)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the file doesn't say: whether the nodes' kernels have IP_VS, which the routing mesh and virtual addresses need;
    images by service, as far as they are other ones than the file's; names by ("secrets" or "configs", key);
    ``exports``: others read the file, and whit does nothing beside it.
    """

    has_ipvs: bool = True
    exports: bool = False
    images: Mapping[str, str] | None = None
    names: Mapping[tuple[str, str], str] | None = None


@dataclass(frozen=True, slots=True)
class StackFile:
    """``configuration`` is the file; ``notes`` are a line for each change of what it was made of."""

    name: str
    configuration: dict[str, Any]
    notes: tuple[str, ...]


class Telling:
    """The notes, in order and once each, and the errors, with their places."""

    def __init__(self, where: Where, *, exports: bool = False) -> None:
        self.where, self.exports = where, exports
        self.notes: dict[str, None] = {}

    def note(self, path: Path, text: str) -> None:
        """A change that a person should know of."""
        self.notes[f"{self.where(path)}{dotted(path)}: {text}"] = None

    def refused(self, path: Path, hint: str = "take it out of the file") -> UnsupportedError:
        """What Swarm has nothing for."""
        return UnsupportedError(f"{self.where(path)}{dotted(path)}: Swarm has nothing like it", hint=hint)


def stack_file(project: Project, where: Where, wish: Wish = Wish()) -> StackFile:  # noqa: B008 - frozen
    """The project as a stack file. Raises :class:`UnsupportedError` with the place of what Swarm has nothing for."""
    telling = Telling(where, exports=wish.exports)
    services = {name: _service(project, one, telling, wish) for name, one in project.services.items()}
    for kind, names in (("jobs", project.jobs), ("models", project.models)):
        for name in names:
            telling.note((kind, name), "left out: only services are deployed")
    networks = parts.networks(project, telling)
    for service in services.values():
        networks |= {name: {"name": name, "external": True} for name in service.pop("_own", ())}
    configuration = {
        "version": "3.13",
        "services": services,
        "networks": networks,
        "volumes": parts.volumes(project, telling),
        "secrets": parts.files(project, "secrets", telling, wish.names or {}),
        "configs": parts.files(project, "configs", telling, wish.names or {}),
    }
    return StackFile(project.name, {key: value for key, value in configuration.items() if value}, tuple(telling.notes))


def _service(project: Project, service: Service, telling: Telling, wish: Wish) -> dict[str, Any]:
    name, values = service.name, service.values
    made: dict[str, Any] = {}
    for key, value in values.items():
        path = ("services", name, key)
        if key == "x-sandbox" and value not in OFF:
            telling.note(path, "left out: docker has no such sandbox")
        elif key in LEFT_OUT and value not in OFF:
            telling.note(path, f"left out: {LEFT_OUT[key]}")
        elif key in KEPT and value is not None:
            made[key] = value
        elif key not in CHANGED | SILENT | KEPT and not key.startswith("x-") and value not in OFF:
            raise telling.refused(path, REFUSED.get(key, "take it out of the file"))
    made["image"] = (wish.images or {}).get(name, service.image)
    made["environment"] = {key: str(one) for key, one in (values.get("environment") or {}).items() if one is not None}
    for key, text in made["environment"].items():
        if "{{" in text:
            telling.note(("services", name, "environment", key), "Swarm fills in what stands between {{ and }}")
    made["extra_hosts"] = [":".join(one) for one in _hosts(values.get("extra_hosts"))]
    made["healthcheck"] = _healthcheck(name, values.get("healthcheck") or {}, telling)
    made["deploy"] = _deploy(project, service, telling)
    made["volumes"] = mounting.volumes(name, values, telling)
    made |= networking.networks(name, values, telling)
    made["ports"] = networking.ports(name, values, telling)
    made |= {kind: _shown(values.get(kind) or []) for kind in ("secrets", "configs")}
    _dependencies(service, telling)
    networking.route(name, made, telling, has_ipvs=wish.has_ipvs)
    return {key: value for key, value in made.items() if value not in ({}, []) or key in {"entrypoint", "command"}}


def _hosts(value: object) -> list[tuple[str, str]]:
    """(name, address), of either form."""
    if isinstance(value, dict):
        return [(name, one) for name, many in value.items() for one in (many if isinstance(many, list) else [many])]
    found = [str(one) for one in value] if isinstance(value, list) else []
    return [(one.partition("=") if "=" in one else one.partition(":"))[::2] for one in found]


def _shown(files: list[Values | str]) -> list[Values | str]:
    """Secrets and configs as a service is shown them: modes are numbers."""
    return [
        one if isinstance(one, str) or "mode" not in one else {**one, "mode": int(str(one["mode"]), 8)} for one in files
    ]


def _healthcheck(name: str, check: Values, telling: Telling) -> dict[str, Any]:
    for probe in ("x-http", "x-tcp"):
        if check.get(probe) and not check.get("test"):
            text = "left out: Swarm's probes are programs in the image: test"
            telling.note(("services", name, "healthcheck", probe), text)
    made = {key: value for key, value in check.items() if not key.startswith("x-") and value is not None}
    return made if made.get("test") or made.get("disable") else {}


def _dependencies(service: Service, telling: Telling) -> None:
    name = service.name
    for text in service.values.get("links") or ():
        other, _, alias = text.partition(":")
        path = ("services", name, "links")
        if alias and alias != other:
            raise telling.refused(path, f"give {other} the alias {alias} in a network of both")
        telling.note(path, "left out: services of one network find each other by name")
    if service.values.get("depends_on"):
        text = "left out: Swarm starts all services at once, and has those wait or start again that need others"
        telling.note(("services", name, "depends_on"), text)


def _deploy(project: Project, service: Service, telling: Telling) -> dict[str, Any]:
    name, values = service.name, service.values
    made = {key: value for key, value in (values.get("deploy") or {}).items() if not key.startswith("x-")}
    path = ("services", name)
    if values.get("scale") is not None:
        telling.note((*path, "scale"), "now deploy.replicas")
        made.setdefault("replicas", int(values["scale"]))
    made["resources"] = _resources(name, values, telling)
    made["restart_policy"] = made.get("restart_policy") or _restart(name, values, telling)
    made["placement"] = _placement(name, values, made.get("placement") or {}, telling)
    waited = any(one.condition is Condition.COMPLETED for _, one in project.dependents(name))
    if waited and made.get("mode", "replicated") == "replicated":
        telling.note(path, f"now deploy.mode: {JOB}, as others wait for its end")
        made["mode"] = JOB
    if str(made.get("mode")).endswith("-job"):
        _be_a_job(path, made, telling)
    return {key: value for key, value in made.items() if value not in ({}, [], None)}


def _be_a_job(path: tuple[str, ...], made: dict[str, Any], telling: Telling) -> None:
    """Jobs have no updates, and aren't started again once they are done."""
    for key in ("update_config", "rollback_config"):
        if made.pop(key, None):
            telling.note((*path, "deploy", key), "left out: jobs are not updated, but run again")
    policy = made["restart_policy"]
    if policy.get("condition", "any") == "any":
        made["restart_policy"] = {**policy, "condition": "on-failure" if policy else "none"}
        if policy:
            telling.note((*path, "restart"), "now on-failure: a job that has ended well is done")


def _restart(name: str, values: Values, telling: Telling) -> dict[str, Any]:
    text = str(values.get("restart") or "")
    if not text:
        return {}
    word, _, most = text.partition(":")
    if word not in _CONDITIONS:
        raise telling.refused(("services", name, "restart"), "no, always, unless-stopped or on-failure[:NUMBER]")
    telling.note(("services", name, "restart"), f"now deploy.restart_policy, condition {_CONDITIONS[word]}")
    return {"condition": _CONDITIONS[word], **({"max_attempts": int(most)} if most.isdigit() else {})}


def _resources(name: str, values: Values, telling: Telling) -> dict[str, Any]:
    """Limits and reservations, from either of the places where Compose has them; processors are texts."""
    whole = (values.get("deploy") or {}).get("resources") or {}
    limits, reservations = dict(whole.get("limits") or {}), dict(whole.get("reservations") or {})
    rows = (
        ("cpus", limits, "cpus", "limits"),
        ("mem_limit", limits, "memory", "limits"),
        ("pids_limit", limits, "pids", "limits"),
        ("mem_reservation", reservations, "memory", "reservations"),
    )
    for key, place, inner, title in rows:
        if values.get(key) not in {None, 0, "0"}:
            telling.note(("services", name, key), f"now deploy.resources.{title}.{inner}")
            place.setdefault(inner, values[key])
    if reservations.pop("devices", None):
        path = ("services", name, "deploy", "resources", "reservations", "devices")
        raise telling.refused(path, "reservations.generic_resources, by names that the nodes' engines are given")
    for place in (limits, reservations):
        if "cpus" in place:
            place["cpus"] = f"{float(place['cpus']):g}"
        if int(place.get("pids") or 0) < 0:
            del place["pids"]
    made = {"limits": limits, "reservations": reservations}
    return {key: value for key, value in made.items() if value}


def _placement(name: str, values: Values, given: Values, telling: Telling) -> dict[str, Any]:
    made = dict(given)
    platform = str(values.get("platform") or "")
    if not platform:
        return made
    system, _, rest = platform.rpartition("/") if platform.count("/") == 1 else platform.partition("/")
    machine = rest.partition("/")[0] if system else platform
    wanted = [f"node.platform.arch=={_MACHINES.get(machine, machine)}"]
    wanted = [f"node.platform.os=={system}", *wanted] if system else wanted
    telling.note(("services", name, "platform"), "now deploy.placement.constraints")
    made["constraints"] = [*(given.get("constraints") or ()), *wanted]
    return made
