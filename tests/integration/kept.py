"""What tests of kept containers share: a store of their own, and nothing left of it at the end."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

BUSYBOX = "/bin/busybox"
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Engine:
    """A whit with a store of its own. ``before`` stands in front of each command: as whom, or where, it runs."""

    program: Path
    root: Path
    before: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "WHIT_ROOT": str(self.root)}

    def on_host(self, *words: str | Path) -> str:
        """What another program says there."""
        return subprocess.run(
            [*self.before, *words], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=True, timeout=PATIENCE_S,
        ).stdout  # fmt: skip

    def run(
        self, *words: str | Path, stdin: str | None = None, timeout: float = PATIENCE_S
    ) -> subprocess.CompletedProcess[str]:
        """Run whit to its end."""
        return subprocess.run(
            [*self.before, self.program, *words], env=self.environment, input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip

    def __call__(self, *words: str | Path) -> str:
        """What whit says when all goes well."""
        done = self.run(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def box(self, *words: str, options: tuple[str, ...] = ("--network", "none"), name: str = "box") -> str:
        """Start a container of busybox's in the background; its ID."""
        return self("run", "-d", "--name", name, *options, BUSYBOX, *words)

    def state(self, name: str = "box") -> dict[str, Any]:
        """``State`` of inspect."""
        found: dict[str, Any] = json.loads(self("inspect", "--type", "container", name))[0]["State"]
        return found

    def log(self, name: str = "box") -> str:
        """All that it has written."""
        return self.run("logs", name).stdout

    def folder(self, name: str = "box") -> Path:
        """The container's folder."""
        return (self.root / "containers" / "names" / name).resolve()

    def supervisors(self, name: str = "box") -> list[int]:
        """The processes that supervise a container, the one that was started first in front."""
        words = f"_supervise\0{self.folder(name)}\0".encode(), f"_resume\0{self.folder(name)}\0".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if any(word in line for word in words):
                found.append(int(entry.name))
        return sorted(found)

    def clean(self) -> None:
        """Remove every container."""
        names = [name for name in self("ps", "-aq", "--no-trunc").splitlines() if name]
        if names:
            self("rm", "-f", *names)


def until(true: Callable[[], bool], what: str = "") -> None:
    """Wait until it is true."""
    end = time.monotonic() + PATIENCE_S
    while True:
        looked = time.monotonic()
        if true():
            return
        assert looked < end, f"never happened: {what or true}"
        # A look that starts programs takes the machine from what is waited for.
        time.sleep(max(0.02, time.monotonic() - looked))


def cgroups_of(container_id: str) -> list[Path]:
    """The container's cgroups: one in v2's only hierarchy, or one in each of v1's."""
    roots = [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()]
    return [place for root in roots if (place := root / "whit" / container_id).is_dir()]


def processes_of(container_id: str) -> list[int]:
    """Processes in the container's cgroups."""
    found: set[int] = set()
    for place in cgroups_of(container_id):
        try:
            found.update(int(line) for line in (place / "cgroup.procs").read_text().split())
        except OSError as error:
            # A cgroup that goes after its file was opened answers ENODEV.
            if error.errno not in (errno.ENOENT, errno.ENODEV):
                raise
    return sorted(found)
