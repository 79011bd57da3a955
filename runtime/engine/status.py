"""What has become of a container: its supervisor's status file, and whether there is a supervisor. Pure but for the last two."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass, replace
from whit.packer.support.locks import is_locked

if TYPE_CHECKING:
    from pathlib import Path

LOST = 137
"""The exit code of a container whose supervisor was killed, or whose machine was restarted."""


class State(StrEnum):
    """Docker's words."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"


class Health(StrEnum):
    """Docker's words."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Status:
    """Times in ns since 1970, 0 where there is none. ``supervised`` tells whether a supervisor is there."""

    state: State = State.CREATED
    pid: int = 0
    started: int = 0
    finished: int = 0
    exit_code: int = 0
    oom: bool = False
    restarts: int = 0
    health: Health = Health.NONE
    failing: int = 0
    stopped: bool = False
    error: str = ""
    supervised: bool = False

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self.state in {State.RUNNING, State.PAUSED}

    @property
    def is_up(self) -> bool:
        """Whether a supervisor has it in hand: it runs, or will. One that has ended may still be given back what it had."""
        return self.supervised and self.state is not State.EXITED


def _number(lines: dict[str, str], name: str) -> int:
    text = lines.get(name, "0")
    return int(text) if text.isascii() and text.isdigit() else 0


def parse_status(text: str, *, supervised: bool) -> Status:
    """The status that a file's text tells, whose supervisor is there or not."""
    lines = dict(line.partition(" ")[::2] for line in text.splitlines() if line)
    word = lines.get("state", "starting")
    state = State(word) if word in {"running", "restarting", "exited"} else State.CREATED
    health = lines.get("health", "none")
    status = Status(
        state=state,
        pid=_number(lines, "pid"),
        started=_number(lines, "started"),
        finished=_number(lines, "finished"),
        exit_code=_number(lines, "exit"),
        oom=_number(lines, "oom") != 0,
        restarts=_number(lines, "restarts"),
        health=Health(health) if health in set(Health) else Health.NONE,
        failing=_number(lines, "failing"),
        stopped=_number(lines, "stopped") != 0,
        error=lines.get("error", ""),
        supervised=supervised,
    )
    if not supervised and state in {State.RUNNING, State.RESTARTING}:
        code = status.exit_code if state is State.RESTARTING else LOST
        return replace(status, state=State.EXITED, pid=0, exit_code=code, health=Health.NONE)
    return status


def is_supervised(folder: str | Path) -> bool:
    """Whether its lock is held: by its supervisor, or by a command that is just starting or removing it."""
    return is_locked(f"{folder}/lock")


def read_status(folder: str | Path) -> Status:
    """A container's, by its folder. Who starts or ends just then is seen before or after, never in between."""
    # First the lock: one who ends in between has written its status before it lets go.
    supervised = is_supervised(folder)
    try:
        with open(f"{folder}/status", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - of each container of a listing
            text = file.read()
    except FileNotFoundError:
        return Status(supervised=supervised)
    return parse_status(text, supervised=supervised)
