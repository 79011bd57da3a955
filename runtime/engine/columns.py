"""Containers as docker's ``ps`` shows them: its columns, each worked out only where it is shown. Pure."""

from __future__ import annotations

import time

from whit.packer.showing.ages import human_duration
from whit.packer.showing.tabular import aligned, shortened
from whit.packer.support.goquoted import quoted
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.engine.model import MountKind
from whit.runtime.engine.status import Health, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from whit.runtime.engine.model import Container
    from whit.runtime.engine.networks.model import PortMapping
    from whit.runtime.engine.status import Status

Row = dict[str, object]

SECOND = 1_000_000_000
COMMAND_WIDTH, MOUNT_WIDTH = 20, 15
HEADERS = {
    "ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "CreatedAt": "CREATED AT", "RunningFor": "CREATED",
    "Ports": "PORTS", "State": "STATE", "Status": "STATUS", "Size": "SIZE", "Names": "NAMES", "Labels": "LABELS",
    "Mounts": "MOUNTS", "Networks": "NETWORKS", "LocalVolumes": "LOCAL VOLUMES", "HealthStatus": "HEALTH",
}  # fmt: skip
USUAL = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
WITH_SIZE = (*USUAL, "Size")
METHODS: dict[str, Callable[..., object]] = {"Label": lambda row, name: _label(row, str(name))}

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")
_HEALTH = {Health.STARTING: " (health: starting)", Health.HEALTHY: " (healthy)", Health.UNHEALTHY: " (unhealthy)"}


@dataclass(frozen=True, slots=True)
class Listed:
    """A container and what is known of it now, in ns since 1970. ``ports`` are those that are published now; ``whole``: nothing is shortened."""

    container: Container
    status: Status
    ports: tuple[PortMapping, ...]
    now: int
    whole: bool = False
    size: str = ""


def table(fields: Iterable[str]) -> str:
    r"""The template of a table with these columns."""
    return "table " + r"\t".join(f"{{{{.{field}}}}}" for field in fields)


def shown_table(listed: Iterable[Listed], fields: tuple[str, ...]) -> str:
    """What that template shows, without its engine, whose import takes longer than all of this."""
    functions = [COLUMNS[field] for field in fields]
    lines = ["\t".join(HEADERS[field] for field in fields)]
    lines += ("\t".join([function(one) for function in functions]) for one in listed)
    return aligned("\n".join([*lines, ""]))


def row(listed: Listed) -> Row:
    """All columns, by docker's names for them."""
    return {name: column(listed) for name, column in COLUMNS.items()}


def status_text(status: Status, now: int) -> str:
    """``Up 3 minutes (healthy)``, ``Exited (0) 2 hours ago``: the column STATUS."""
    if status.state is State.CREATED:
        return "Created"
    if status.state is State.RESTARTING:
        return f"Restarting ({status.exit_code}) {_ago(status.finished, now)}"
    if status.state is State.EXITED:
        return (
            f"Exited ({status.exit_code}) {_ago(status.finished, now)}"
            if status.finished
            else f"Exited ({status.exit_code})"
        )
    up = f"Up {human_duration((now - status.started) / SECOND)}"
    return f"{up} (Paused)" if status.state is State.PAUSED else up + _HEALTH.get(status.health, "")


def ports_text(published: Iterable[PortMapping], exposed: Iterable[str]) -> str:
    """``127.0.0.1:8080->80/tcp, 9090/tcp``: the column PORTS."""
    mapped = [str(port) for port in published]
    inside = {f"{port.container_port}/{port.protocol.value}" for port in published}
    bare = (port if "/" in port else f"{port}/tcp" for port in exposed)
    return ", ".join([*mapped, *(port for port in bare if port not in inside)])


def command_text(words: Iterable[str]) -> str:
    """A command as a shell reads it."""
    return " ".join(word if word and _PLAIN.issuperset(word) else _shell_quoted(word) for word in words)


def _shell_quoted(word: str) -> str:
    escaped = word.replace("'", "'\"'\"'")
    return f"'{escaped}'"


def _label(row: Mapping[str, object], name: str) -> str:
    pairs = (item.partition("=") for item in str(row.get("Labels", "")).split(","))
    return next((value for key, _, value in pairs if key == name), "")


def _ago(then: int, now: int) -> str:
    return f"{human_duration((now - then) / SECOND)} ago"


def _command(listed: Listed) -> str:
    command = command_text(listed.container.command)
    return quoted(command if listed.whole else shortened(command, COMMAND_WIDTH))


def _mounts(listed: Listed) -> str:
    names = (mount.name or mount.source for mount in listed.container.mounts)
    return ",".join(name if listed.whole else shortened(name, MOUNT_WIDTH) for name in names)


def _created(listed: Listed) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(listed.container.created // SECOND))


def _volumes(listed: Listed) -> str:
    return str(sum(mount.kind is MountKind.VOLUME for mount in listed.container.mounts))


COLUMNS: dict[str, Callable[[Listed], str]] = {
    "Command": _command,
    "CreatedAt": _created,
    "HealthStatus": lambda one: one.status.health.value,
    "ID": lambda one: one.container.id if one.whole else one.container.short_id,
    "Image": lambda one: one.container.image,
    "Labels": lambda one: ",".join(f"{name}={value}" for name, value in sorted(one.container.labels)),
    "LocalVolumes": _volumes,
    "Mounts": _mounts,
    "Names": lambda one: one.container.name,
    "Networks": lambda one: ",".join(one.container.network_names),
    "Ports": lambda one: ports_text(one.ports, one.container.exposed) if one.status.is_running else "",
    "RunningFor": lambda one: _ago(one.container.created, one.now),
    "Size": lambda one: one.size,
    "State": lambda one: one.status.state.value,
    "Status": lambda one: status_text(one.status, one.now),
}
"""Docker's name of a column → what is in it."""
