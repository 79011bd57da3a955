"""Units of systemd's: one that brings containers back at the machine's start, and one for a container. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.model import NO_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.runtime.engine.model import Container

RESTORE = "whit-restore"
_ENV = "/usr/bin/env"
_NO_PROGRAM_S = set("'\"\\$")
_MARGIN_S = 10
"""Beyond a container's own time to stop: its supervisor gives back what it had."""


@dataclass(frozen=True, slots=True)
class Where:
    """What a unit has to know of this whit: its program, its store, whether it is root's."""

    program: str
    root: str
    is_default_root: bool
    is_root: bool


def quoted(text: str) -> str:
    """A word of a setting: as systemd reads it, it is the text again (systemd.service(5), systemd.syntax(7), systemd.unit(5))."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    escaped = "".join(
        char if char.isprintable() else "".join(f"\\x{byte:02x}" for byte in char.encode()) for char in escaped
    )
    plain = escaped and escaped == text and not set(text) & set(" '\t;#$")
    return escaped if plain else f'"{escaped}"'


def command_line(program: str, *words: str) -> str:
    """A program and its arguments, in which a dollar sign would stand for a variable. Not every name may be a program's."""
    is_plain = program.isprintable() and not set(program) & _NO_PROGRAM_S
    return " ".join(quoted(word).replace("$", "$$") for word in (*(() if is_plain else (_ENV,)), program, *words))


def _unit(sections: dict[str, list[str]]) -> str:
    return "\n".join("\n".join([f"[{name}]", *lines, ""]) for name, lines in sections.items())


def _environment(where: Where) -> Iterator[str]:
    if not where.is_default_root:
        yield f"Environment={quoted(f'WHIT_ROOT={where.root}')}"


def _install(where: Where) -> list[str]:
    return [f"WantedBy={'multi-user' if where.is_root else 'default'}.target"]


def _stops_in(seconds: int) -> str:
    return f"TimeoutStopSec={'infinity' if seconds == NO_LIMIT else seconds + _MARGIN_S}"


def _mounted(path: str) -> str:
    return f"RequiresMountsFor={quoted(path)}"


def restore_unit(where: Where, containers: Iterable[Container]) -> str:
    """What brings all containers back that are to run. Their supervisors stay in it, and end with the machine."""
    times = [one.stop_seconds for one in containers]
    longest = NO_LIMIT if NO_LIMIT in times else max(times, default=_MARGIN_S)
    return _unit(
        {
            "Unit": [
                "Description=Containers of whit's that come back with the machine",
                "Documentation=man:systemd.service(5)",
                *(["Wants=network-online.target", "After=network-online.target"] if where.is_root else []),
                _mounted(where.root),
            ],
            "Service": [
                "Type=oneshot",
                "RemainAfterExit=yes",
                *_environment(where),
                f"ExecStart={command_line(where.program, 'system', 'restore')}",
                _stops_in(longest),
            ],
            "Install": _install(where),
        }
    )


def unit_name(container: Container, *, by_name: bool) -> str:
    """As podman calls it."""
    return f"container-{container.name if by_name else container.id}"


def container_unit(
    where: Where, container: Container, needs: Iterable[str], *, by_name: bool, seconds: int | None
) -> str:
    """What starts and stops a container. Its supervisor is the service's process; ``needs`` are the units of those it shares something with."""
    name = container.name if by_name else container.id
    stop = container.stop_seconds if seconds is None else seconds
    timed = [] if seconds is None else ["-t", str(seconds)]
    ordered = ["Wants=network-online.target", "After=network-online.target"] if where.is_root else []
    for other in needs:
        ordered += [f"BindsTo={other}.service", f"After={other}.service"]
    return _unit(
        {
            "Unit": [
                f"Description=whit container {container.name}",
                "Documentation=man:systemd.service(5)",
                *ordered,
                _mounted(where.root),
            ],
            "Service": [
                # The supervisor: it isn't told from the process that watches it, and both end with the container.
                "Type=forking",
                "GuessMainPID=no",
                *_environment(where),
                f"ExecStart={command_line(where.program, 'start', name)}",
                f"ExecStop={command_line(where.program, 'stop', *timed, name)}",
                _stops_in(stop),
            ],
            "Install": _install(where),
        }
    )
