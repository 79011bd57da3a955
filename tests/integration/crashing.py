"""The machine's end in the midst of everything, as far as it can be had without a machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING

from tests.integration.kept import cgroups_of, processes_of, until
from whit.packer.support.locks import is_locked

if TYPE_CHECKING:
    from tests.integration.kept import Engine


def running(engine: Engine) -> set[str]:
    """The names of the containers that run."""
    return set(engine("ps", "--format", "{{.Names}}").split())


def crash(engine: Engine) -> None:
    """Kill everything at once that a restart would end, and remove what it would: processes, cgroups, devices, tables."""
    ids = engine("ps", "-q", "--no-trunc").split()
    names = running(engine)
    numbers = [number for name in names for number in reversed(engine.supervisors(name))]
    for number in [*numbers, *(number for one in ids for number in processes_of(one))]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    until(lambda: not any(processes_of(one) for one in ids) and not any(engine.supervisors(name) for name in names))
    # A process that is being killed has no command line any more, but its files for a moment yet.
    until(lambda: not any(is_locked(engine.folder(name) / "lock") for name in names))
    for one in ids:
        for folder in cgroups_of(one):
            with contextlib.suppress(OSError):
                folder.rmdir()
    for device in engine("network", "ls", "-q", "--filter", "type=custom").split():
        subprocess.run(["ip", "link", "del", f"whit_{device[:10]}"], check=False, capture_output=True)
