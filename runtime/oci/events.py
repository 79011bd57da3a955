"""``events``: what a container uses and when it runs out of memory, as one JSON document a line (runc-events(8))."""

from __future__ import annotations

import json
import os
import re
import select
import time
from typing import TYPE_CHECKING

from whit.packer.support.errors import LaunchError, UsageError
from whit.runtime.oci.control import container_of
from whit.runtime.oci.state import Status
from whit.runtime.oci.stats import stats, table
from whit.runtime.trace.duration import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.oci.arguments import Call
    from whit.runtime.oci.log import Log
    from whit.runtime.oci.state import Container

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class OomWatch:
    """Tells when the container's memory limit was met and one of its processes killed for it.

    v2: the kernel wakes whoever polls memory.events (cgroup-v2.rst). v1: it counts up a descriptor that is registered in
    cgroup.event_control (cgroup-v1/memory.rst, "OOM Control").
    """

    def __init__(self, container: Container) -> None:
        folder = container.cgroup("memory")
        v2 = folder is not None and (folder / "memory.events").exists()
        self.folder, self.file = folder, "memory.events" if v2 else "memory.oom_control"
        self.descriptors: list[int] = []
        self.seen = self._count()
        if folder is None:
            return
        watched = os.open(folder / self.file, os.O_RDONLY | os.O_CLOEXEC)
        self.descriptors.append(watched)
        if not v2:
            self.descriptors.append(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))
            (folder / "cgroup.event_control").write_text(f"{self.descriptors[-1]} {watched}")

    def register(self, poll: select.poll) -> None:
        """Have ``poll`` end when there is something new."""
        if self.descriptors:
            # v2's file says POLLPRI, v1's descriptor POLLIN.
            poll.register(self.descriptors[-1], select.POLLIN if len(self.descriptors) > 1 else select.POLLPRI)

    def _count(self) -> int:
        return table(self.folder, self.file).get("oom_kill", 0)

    def news(self) -> int:
        """How many processes were killed since the last look."""
        if len(self.descriptors) > 1:
            try:
                os.eventfd_read(self.descriptors[-1])
            except BlockingIOError:
                return 0
            # v1 tells before the killing; on a cgroup that is gone it tells too.
            return int(self.folder is not None and self.folder.exists())
        if self.descriptors:
            os.pread(self.descriptors[0], 4096, 0)
        before, self.seen = self.seen, self._count()
        return max(0, self.seen - before)

    def close(self) -> None:
        """Nothing is watched any more."""
        for descriptor in self.descriptors:
            os.close(descriptor)


def _interval(text: str) -> float:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", text)
    seconds = float(match[1]) * SECONDS[match[2]] if match else 0.0
    if not 0 < seconds <= LONGEST:
        raise UsageError(f"--interval: '{text}' is no duration", hint="such as 5s")
    return seconds


def _until_it_ends(container: Container, pidfd: int, interval: float) -> Iterator[dict[str, object]]:
    watch = OomWatch(container)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    watch.register(poll)
    due = time.monotonic() + interval
    try:
        while True:
            ready = dict(poll.poll(max(0.0, due - time.monotonic()) * 1000))
            for _ in range(watch.news()):
                yield {"type": "oom", "id": container.name}
            if pidfd in ready:
                return
            if time.monotonic() >= due:
                yield {"type": "stats", "id": container.name, "data": stats(container)}
                due += interval
    finally:
        watch.close()


def events(call: Call, _log: Log) -> None:
    """``events``: with ``--stats`` once, else every ``--interval``, and out-of-memory kills, until the container ends."""
    from whit.runtime.oci.cli import show  # noqa: PLC0415 - it imports this

    container = container_of(call)
    interval = _interval(call.options.text("interval", "5s"))
    status, pid = container.status()
    if status is Status.STOPPED:
        raise LaunchError(f"container with id {container.name} is not running", exit_code=1)
    if call.options.flag("stats"):
        show(json.dumps({"type": "stats", "id": container.name, "data": stats(container)}) + "\n")
        return
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if container.status()[1] == pid:
            for event in _until_it_ends(container, pidfd, interval):
                show(json.dumps(event) + "\n")
    finally:
        os.close(pidfd)
