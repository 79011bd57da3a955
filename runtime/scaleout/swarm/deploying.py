"""A stack file → the engine: what is missing is made, what is there is changed, what is gone is removed."""

from __future__ import annotations

import time

from whit.packer.showing.console import tell, warn
from whit.packer.support.errors import NotFoundError, UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.scaleout.swarm.objects import own_networks, plan, unused
from whit.runtime.scaleout.swarm.specs import IMAGE, NAMESPACE, service_spec
from whit.runtime.scaleout.swarm.verdict import is_job
from whit.runtime.scaleout.swarm.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from whit.runtime.compose.project import Values
    from whit.runtime.scaleout.swarm.contents import Key
    from whit.runtime.scaleout.swarm.dialect import StackFile
    from whit.runtime.scaleout.swarm.engine import Engine
    from whit.runtime.scaleout.swarm.objects import Plan, Present

NETWORK_SECONDS = 20.0
"""How long a network that is going may stand in another one's way."""
GONE_SECONDS = 60.0
"""How long rm waits for tasks to end, so that networks and files can go."""


@dataclass(frozen=True, slots=True)
class DeployWishes:
    """``seconds`` is how long services are waited for; 0: not at all."""

    prune: bool = False
    seconds: float = 300.0
    quiet: bool = False


def deploy(
    engine: Engine, file: StackFile, contents: Mapping[Key, bytes], order: Sequence[str], wishes: DeployWishes
) -> None:
    """Have the engine run a stack; services in ``order``. Raises :class:`WhitError`."""
    present = engine.present(file.name)
    planned = plan(file, present)
    for body in planned.networks:
        _say(f"Creating network {body['name']}", wishes)
        engine.make_network(body)
    ids = present.ids()
    for kind, key, name in planned.files:
        _say(f"Creating {kind.removesuffix('s')} {name}", wishes)
        labels = {**(file.configuration[kind][key].get("labels") or {}), NAMESPACE: file.name}
        if (kind, key) not in contents:
            raise NotFoundError(
                f"there is no {kind.removesuffix('s')} {name}", hint=f"docker {kind[:-1]} create {name} -"
            )
        ids[kind, name] = engine.make_file(kind, name, contents[kind, key], labels)
    _services(engine, file, ids, planned, present, order, wishes)
    _gone(engine, planned, present, wishes)
    if wishes.seconds:
        names = [f"{file.name}_{name}" for name in file.configuration["services"]]
        Watch(engine, file.name, quiet=wishes.quiet).until_done(names, wishes.seconds)
    _forget(engine, file.name)


def _say(text: str, wishes: DeployWishes) -> None:
    if not wishes.quiet:
        tell(f"{text}\n")


def _services(
    engine: Engine,
    file: StackFile,
    ids: Mapping[tuple[str, str], str],
    planned: Plan,
    present: Present,
    order: Sequence[str],
    wishes: DeployWishes,
) -> None:
    running = {one["Spec"]["Name"]: one for one in present.services}
    is_there = dict(planned.services)
    for name in order:
        spec = service_spec(file.name, file.configuration, name, ids)
        if not is_there[name]:
            _say(f"Creating service {spec['Name']}", wishes)
            _make(engine, file, spec)
            continue
        before = running[spec["Name"]]
        template = before["Spec"]["TaskTemplate"]
        if template.get("ForceUpdate"):
            # Another number would have all tasks made anew.
            spec["TaskTemplate"]["ForceUpdate"] = template["ForceUpdate"]
        if is_job(before["Spec"]) != is_job(spec) or ("Global" in before["Spec"]["Mode"]) != ("Global" in spec["Mode"]):
            hint = f"take it away first: docker service rm {spec['Name']}"
            raise WhitError(f"service {spec['Name']} is of another mode: Swarm can't change that", hint=hint)
        _say(f"Updating service {spec['Name']}", wishes)
        engine.change_service(before, spec)


def _make(engine: Engine, file: StackFile, spec: Values) -> None:
    """Make a service; a network that was just removed may have been listed still, and is made once it is gone."""
    end = time.monotonic() + NETWORK_SECONDS
    while True:
        try:
            engine.make_service(spec)
        except NotFoundError as error:
            if ": network " not in error.message or time.monotonic() > end:
                raise
        else:
            return
        time.sleep(0.5)
        for body in own_networks(file):
            engine.make_network(body)


def _gone(engine: Engine, planned: Plan, present: Present, wishes: DeployWishes) -> None:
    """Services that the file doesn't have any more."""
    if planned.gone and not wishes.prune:
        warn(f"not in the file any more: {', '.join(planned.gone)}", "--prune removes them")
        return
    for service in present.services:
        name = service["Spec"]["Name"]
        if name in planned.gone:
            _say(f"Removing service {name}", wishes)
            engine.remove("services", service["ID"], name)


def _forget(engine: Engine, stack: str) -> None:
    """Versions of secrets and configs that nobody is shown any more."""
    for kind, key, name in unused(stack, engine.present(stack)):
        engine.remove(kind, key, name)


def running_images(services: Sequence[Mapping[str, Any]], stack: str) -> dict[str, tuple[str, str]]:
    """Service → (the image as the file named it, what runs)."""
    made = {}
    for one in services:
        image = one["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
        made[one["Spec"]["Name"].removeprefix(f"{stack}_")] = ((one["Spec"].get("Labels") or {}).get(IMAGE, ""), image)
    return made


def scale(engine: Engine, stack: str, wanted: Mapping[str, int], wishes: DeployWishes) -> None:
    """Have so many tasks of services. Raises :class:`WhitError`."""
    services = {one["Spec"]["Name"]: one for one in engine.services(stack)}
    if not services:
        raise NotFoundError(f"there is no stack {stack}", hint="'whit stack ls' lists them")
    chosen = {}
    for name, number in wanted.items():
        whole = name if name in services else f"{stack}_{name}"
        if whole not in services:
            short = ", ".join(one.removeprefix(f"{stack}_") for one in services)
            raise NotFoundError(f"stack {stack} has no service {name}", hint=f"services are {short}")
        if "Replicated" not in services[whole]["Spec"]["Mode"]:
            raise UsageError(
                f"service {whole} isn't replicated", hint="a global one has a task on each node, a job ends"
            )
        chosen[whole] = number
    for name, number in chosen.items():
        spec = {**services[name]["Spec"], "Mode": {"Replicated": {"Replicas": number}}}
        _say(f"Scaling service {name} to {number}", wishes)
        engine.change_service(services[name], spec)
    if wishes.seconds:
        Watch(engine, stack, quiet=wishes.quiet).until_done(list(chosen), wishes.seconds)


def remove(engine: Engine, stack: str, *, quiet: bool = False) -> None:
    """Remove a stack: its services, then, once their tasks have ended, its networks, secrets and configs.

    Raises :class:`WhitError` where there is nothing, or something stays in use.
    """
    wishes = DeployWishes(quiet=quiet)
    present = engine.present(stack)
    networks = [one for one in present.networks if (one.get("Labels") or {}).get(NAMESPACE) == stack]
    files = [
        (kind, one["ID"], one["Spec"]["Name"])
        for kind, many in (("secrets", present.secrets), ("configs", present.configs))
        for one in many
        if (one["Spec"].get("Labels") or {}).get(NAMESPACE) == stack
    ]
    if not present.services and not networks and not files:
        raise NotFoundError(f"there is no stack {stack}", hint="'whit stack ls' lists them")
    for one in present.services:
        _say(f"Removing service {one['Spec']['Name']}", wishes)
        engine.remove("services", one["ID"], one["Spec"]["Name"])
    left = [*files, *(("networks", str(one["Id"]), one["Name"]) for one in networks)]
    end = time.monotonic() + GONE_SECONDS
    while left:
        # Networks are listed for a while after they were removed, and who deploys meanwhile would count on them.
        left = [row for row in left if not engine.remove(*row) or (row[0] == "networks" and engine.has_network(row[1]))]
        if left and time.monotonic() > end:
            names = ", ".join(name for _, _, name in left)
            raise WhitError(
                f"still in use: {names}", hint="a node that is down keeps them: 'whit stack rm' again later"
            )
        if left:
            time.sleep(0.3)
    for _, _, name in (*files, *(("", "", one["Name"]) for one in networks)):
        _say(f"Removed {name}", wishes)
