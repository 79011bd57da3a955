"""A container's folder: what is on record of it; runtime/launcher/oci.h says what the files hold."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from whit.packer.support.errors import InvalidFileError, NotFoundError
from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass
from whit.runtime.oci import frozen, records
from whit.runtime.oci.records import CGROUPS, GATE, PROCESS, RECORD

if TYPE_CHECKING:
    from whit.runtime.oci.arguments import Call


NO_TIME = -1
"""When no process was ever started."""


class Status(StrEnum):
    """OCI runtime-spec, runtime, "State", and runc's ``paused``."""

    CREATING = "creating"
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Container:
    """A container that exists."""

    name: str
    folder: Path

    def read(self, name: str) -> str | None:
        """One record, None where there is none."""
        try:
            return (self.folder / name).read_text()
        except FileNotFoundError:
            return None

    def unreadable(self, record: str) -> InvalidFileError:
        """The error for a record that isn't what create wrote."""
        return InvalidFileError(
            f"container {self.name}'s {record} can't be read", hint=f"whit-oci delete --force {self.name} removes it"
        )

    @property
    def document(self) -> dict[str, object]:
        """state.json as create wrote it; empty before it did. Raises :class:`InvalidFileError`."""
        try:
            text = self.read(RECORD)
            document = {} if text is None else json.loads(text)
        except ValueError:
            raise self.unreadable(RECORD) from None
        if not isinstance(document, dict):
            raise self.unreadable(RECORD)
        return document

    @property
    def process(self) -> tuple[int, int] | None:
        """(pid, start time) of the first process, as create recorded them. Raises :class:`InvalidFileError`.

        One of another boot of the machine was started at no time: clock ticks since that one say nothing of this one's processes.
        """
        text = self.read(PROCESS)
        try:
            return parse_process(text) if text else None
        except ValueError:
            raise self.unreadable(PROCESS) from None

    @property
    def cgroups(self) -> tuple[tuple[str, Path], ...]:
        """(controllers, folder) of each cgroup; ``unified`` for v2's."""
        lines = (self.read(CGROUPS) or "").splitlines()
        return tuple((name, Path(path)) for name, _, path in (line.partition(":") for line in lines))

    def cgroup(self, controller: str) -> Path | None:
        """The container's cgroup in the hierarchy that has the controller."""
        return folder_of(self.cgroups, controller)

    def status(self) -> tuple[Status, int]:
        """What it does now, and its pid (0 when it has stopped)."""
        process = self.process
        if process is None:
            return Status.CREATING, 0
        pid, started = process
        if start_time(pid) != started:
            return Status.STOPPED, 0
        if is_frozen(self):
            return Status.PAUSED, pid
        return (Status.CREATED if _waits(self.folder / GATE) else Status.RUNNING), pid


def _waits(gate: Path) -> bool:
    """Whether somebody waits there: a start that was killed may have left the gate after it was opened."""
    try:
        os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW))
    except OSError:
        return False
    return True


def folder_of(cgroups: tuple[tuple[str, Path], ...], controller: str) -> Path | None:
    """That of (controllers, folder) in whose hierarchy the controller is; v2's one has all."""
    return next((path for names, path in cgroups if controller in names.split(",") or names == "unified"), None)


def parse_process(text: str) -> tuple[int, int]:
    """(pid, start time) of such a record: "PID START-TIME BOOT-ID". Raises ValueError."""
    pid, started, *boot = text.split()
    if boot and boot[0] != _boot_id():
        return int(pid), NO_TIME
    return int(pid), int(started)


def _boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123 - a fixed path
        return file.read().strip()


def start_time(pid: int) -> int | None:
    """When the process was started, in clock ticks since boot; None for none and for a zombie (proc_pid_stat(5))."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])


def freezer(container: Container) -> tuple[Path, str, str] | None:
    """(the file that freezes, frozen, thawed) of the container's cgroup."""
    found = frozen.freezer_file(str(container.folder))
    return (Path(found[0]), *found[1:]) if found else None


def is_frozen(container: Container) -> bool:
    """Whether ``pause`` holds it."""
    return frozen.is_frozen(str(container.folder))


def root_of(call: Call) -> Path:
    """Where the containers are that the command line speaks of."""
    return Path(records.root_of(call))


def find(root: Path, name: str) -> Container:
    """The container. Raises :class:`NotFoundError` in runc's words: engines read them."""
    folder = root / name
    if not folder.is_dir():
        raise NotFoundError(f'container "{name}" does not exist')
    return Container(name, folder)


def every(root: Path) -> list[Container]:
    """All containers below the root, by name."""
    try:
        names = sorted(
            entry.name
            for entry in os.scandir(root)
            if entry.is_dir(follow_symlinks=False) and records.has_mark(entry.path)
        )
    except FileNotFoundError:
        return []
    return [Container(name, root / name) for name in names]


def remove(container: Container) -> None:
    """Forget the container."""
    records.remove(str(container.folder))


def write(container: Container, name: str, data: bytes) -> None:
    """Write one record, whole or not at all. Raises :class:`LaunchError`."""
    temporary = container.folder / f".{name}"
    try:
        temporary.write_bytes(data)
        temporary.replace(container.folder / name)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise records.unwritable(str(container.folder), error.errno or 0) from None


def remove_cgroups(container: Container) -> None:
    """Remove what is left of the container's cgroups, where nothing is in them."""
    for _, folder in container.cgroups:
        with contextlib.suppress(OSError):
            folder.rmdir()
