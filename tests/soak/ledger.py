"""What containers leave on a machine: processes, mounts, control groups, namespaces, files. All of it is told by a mark."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from pathlib import Path

LONG = 60.0
"""Seconds that the kernel and dying processes are given; nothing takes that long."""

CGROUPS = Path("/sys/fs/cgroup")

FIXED = frozenset(("names", "restoring", "lock"))
"""What stands beside containers and is none."""


@dataclass(frozen=True, slots=True)
class Left:
    """What there is of one run's; empty sets when nothing is."""

    processes: frozenset[int] = frozenset()
    mounts: frozenset[str] = frozenset()
    cgroups: frozenset[str] = frozenset()
    network_namespaces: frozenset[str] = frozenset()
    state: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        return {field.name: len(getattr(self, field.name)) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Ledger:
    """``mark`` stands in the environment of all processes, ``folder`` holds all files, ``group`` names the cgroups."""

    mark: str
    folder: Path
    group: str
    state: tuple[Path, ...]
    """The folders with one entry for each container."""
    own: set[str] | None = None
    """How the names of our cgroups begin, up to a "-", where the group is everybody's; None where all are ours."""

    def started(self, pid: int) -> None:
        """Note a supervisor, by whose number a cgroup is named."""
        self.owns(str(pid))

    def owns(self, name: str) -> None:
        """Note the beginning of a cgroup's name."""
        if self.own is not None:
            self.own.add(name)

    def _is_ours(self, name: str) -> bool:
        return self.own is None or name.partition("-")[0] in self.own

    def processes(self) -> frozenset[int]:
        """All with the mark, but for this one."""
        found = set()
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"WHIT_SOAK={self.mark}".encode() in path.read_bytes().split(b"\0"):
                    found.add(int(path.parent.name))
            except OSError:
                continue
        return frozenset(found)

    def cgroups(self) -> frozenset[str]:
        """Those of containers: below the group, in every hierarchy."""
        parents = (path / self.group for path in (CGROUPS, *CGROUPS.iterdir()))
        found = (path for parent in parents if parent.is_dir() for path in parent.iterdir() if path.is_dir())
        return frozenset(str(path) for path in found if self._is_ours(path.name))

    def look(self) -> Left:
        """What there is now."""
        processes = self.processes()
        own, namespaces = Path("/proc/self/ns/net").readlink(), set()
        for pid in processes:
            try:
                namespaces.add(str(Path(f"/proc/{pid}/ns/net").readlink()))
            except OSError:
                continue
        text = Path("/proc/self/mountinfo").read_text()
        mounts = {line.split()[4] for line in text.splitlines() if str(self.folder) in line or " nsfs " in line}
        names = (path.name for folder in self.state if folder.is_dir() for path in folder.iterdir())
        # Beside the containers whit-oci keeps plans, under a name that none can have.
        names = (name for name in names if not name.startswith("@") and name not in FIXED)
        return Left(processes, frozenset(mounts), self.cgroups(), frozenset(namespaces - {str(own)}), frozenset(names))

    def settle(self) -> Left:
        """Nothing, or what is still there after a long time."""
        end = time.monotonic() + LONG
        while (left := self.look()) and time.monotonic() < end:
            time.sleep(0.05)
        return left
