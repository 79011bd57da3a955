"""``whit update``: a container's limits and restart policy, now and for the next start."""

from __future__ import annotations

import contextlib
import json

from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, UsageError
from whit.packer.support.jsondoc import canonical_json
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.engine import control
from whit.runtime.engine.happened import container_event
from whit.runtime.engine.limiting import Machine, merged, resources_of
from whit.runtime.engine.supervision import POLICIES, encode_supervision, supervision_ops
from whit.runtime.engine.within import check_cgroup

if TYPE_CHECKING:
    from pathlib import Path

    from whit.runtime.engine.folder import Containers, Kept
    from whit.runtime.engine.limiting import Asked, Document
    from whit.runtime.engine.model import Restart

_CPUS, _NODES = "/sys/devices/system/cpu/online", "/sys/devices/system/node/online"


def _online(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 - a fixed path
            return file.read().strip()
    except OSError:
        return "0"


def read_machine() -> Machine:
    """What limits are within here."""
    return Machine(_online(_CPUS), _online(_NODES))


def _resources(document: object, path: Path) -> dict[str, object]:
    """``linux.resources`` of a bundle's configuration, which is whit's own."""
    linux = document.get("linux") if isinstance(document, dict) else None
    found = linux.get("resources", {}) if isinstance(linux, dict) else None
    if not isinstance(found, dict):
        raise InvalidFileError(f"{path} is damaged", hint="remove the container: whit rm --force")
    return found


def _apply(kept: Kept, changes: Document) -> None:
    """Write them to the cgroups of a container that runs."""
    from whit.runtime.oci.host import read_oci_host  # noqa: PLC0415 - one that doesn't run has none
    from whit.runtime.oci.limits import completed, resource_writes  # noqa: PLC0415
    from whit.runtime.oci.spec import parse_resources  # noqa: PLC0415
    from whit.runtime.oci.state import Container  # noqa: PLC0415

    cgroups = Container(kept.container.id, kept.records / kept.container.id).cgroups
    host = read_oci_host()
    resources, _ = parse_resources(canonical_json(changes))
    resource_writes(completed(resources, cgroups, host), cgroups, host)


def has_weights() -> bool:
    """Whether this kernel has weights of block devices."""
    from whit.runtime.oci.host import read_oci_host  # noqa: PLC0415 - seldom asked for

    return bool(read_oci_host().weight_file)


def _change_limits(kept: Kept, asked: Asked, machine: Machine) -> None:
    path = kept.folder / "bundle" / "config.json"
    with durable.store_errors(f"change the container {kept.container.name}"):
        document = json.loads(path.read_bytes())
        own = _resources(document, path)
        changes = resources_of(asked, own, machine)
        if not changes:
            return
        if kept.status.is_running:
            check_cgroup(kept)
            _apply(kept, changes)
        document["linux"]["resources"] = merged(own, changes)
        durable.write_whole(path, canonical_json(document))


def _change_policy(containers: Containers, kept: Kept, restart: Restart) -> None:
    if kept.container.remove:
        raise UsageError(
            "Restart policy cannot be updated because AutoRemove is enabled for the container",
            hint="it was made with --rm",
            exit_code=1,
        )
    number = POLICIES.index(restart.policy)
    with durable.store_errors(f"change the container {kept.container.name}"):
        changed = containers.replace(kept, replace(kept.container, restart=restart)).container
        # Its second process reads them if it takes the supervisor's place; where the network is, is for a start, which writes it.
        network = None if changed.network == "host" else ""
        ops = supervision_ops(changed, str(kept.folder), str(containers.records), network)
        durable.write_whole(kept.folder / "supervision", encode_supervision(ops))
    with contextlib.suppress(control.NotSupervisedError):
        control.ask(kept.folder, f"restart {number} {restart.most}")


def update(containers: Containers, name: str, asked: Asked, restart: Restart | None, machine: Machine) -> None:
    """Change it. What a container that runs has is changed first: where that can't be, nothing is written."""
    with containers.changing(containers.find(name)) as kept:
        _change_limits(kept, asked, machine)
        if restart is not None:
            _change_policy(containers, kept, restart)
    container_event(containers.root, kept.container, "update")
