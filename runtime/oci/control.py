"""``pause`` and ``resume``: the cgroup's freezer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from whit.packer.support.errors import LaunchError, UnsupportedError, UsageError
from whit.runtime.oci.arguments import container_id
from whit.runtime.oci.state import Container, Status, find, freezer, root_of

if TYPE_CHECKING:
    from whit.runtime.oci.arguments import Call
    from whit.runtime.oci.log import Log

SECONDS = 10.0
PAUSE = 0.001


def container_of(call: Call) -> Container:
    """The container that the command line names alone."""
    if len(call.words) != 1:
        raise UsageError(f"{call.verb} needs one container ID", hint=f"whit-oci {call.verb} ID")
    return find(root_of(call), container_id(call.words[0]))


def _is(container: Container, *, frozen: bool) -> bool:
    found = freezer(container)
    if found is None:
        return not frozen
    file, cold, warm = found
    if file.name == "cgroup.freeze":
        # cgroup.freeze is the wish; cgroup.events tells when every process has stopped (cgroup-v2.rst, "cgroup.freeze").
        return f"frozen {int(frozen)}" in (file.parent / "cgroup.events").read_text()
    return file.read_text().strip() == (cold if frozen else warm)


def set_frozen(container: Container, *, frozen: bool) -> None:
    """Freeze or thaw, and wait until it is so. Raises :class:`LaunchError`."""
    found = freezer(container)
    if found is None:
        raise UnsupportedError(
            "the container has no cgroup that can be frozen", hint="this host has no freezer controller"
        )
    file, cold, warm = found
    end = time.monotonic() + SECONDS
    file.write_text(cold if frozen else warm)
    while not _is(container, frozen=frozen):
        if time.monotonic() > end:
            file.write_text(warm)
            raise LaunchError("the container's processes don't stop", hint="one of them waits for a device or a server")
        time.sleep(PAUSE)
        # v1 stays at FREEZING when a process is born in between, until it is told again (freezer-subsystem.rst).
        file.write_text(cold if frozen else warm)


def pause(call: Call, _log: Log) -> None:
    """``pause``."""
    container = container_of(call)
    status, _ = container.status()
    if status not in {Status.RUNNING, Status.CREATED}:
        raise LaunchError("container not running", exit_code=1, hint=f"it is {status}")
    set_frozen(container, frozen=True)


def resume(call: Call, _log: Log) -> None:
    """``resume``."""
    container = container_of(call)
    status, _ = container.status()
    if status is not Status.PAUSED:
        raise LaunchError("container not paused", exit_code=1, hint=f"it is {status}")
    set_frozen(container, frozen=False)
