"""``events``: what a container uses, as one JSON document a line (runc-events(8))."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

from whit.packer.errors import LaunchError, UsageError
from whit.runtime.oci.control import container_of
from whit.runtime.oci.state import Status

if TYPE_CHECKING:
    from pathlib import Path

    from whit.runtime.oci.arguments import Call
    from whit.runtime.oci.log import Log
    from whit.runtime.oci.state import Container

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
UNLIMITED = (1 << 64) - 1
NANOSECONDS = 1000


def _number(folder: Path | None, name: str) -> int | None:
    """The number in a cgroup's file; ``max`` is no limit."""
    try:
        text = (folder / name).read_text().strip() if folder else ""
    except OSError:
        return None
    return UNLIMITED if text == "max" else int(text) if text else None


def _table(folder: Path | None, name: str) -> dict[str, int]:
    """A file of "NAME NUMBER" lines."""
    try:
        text = (folder / name).read_text() if folder else ""
    except OSError:
        return {}
    return {key: int(value) for key, _, value in (line.partition(" ") for line in text.splitlines()) if value.isdigit()}


def _given(**members: object) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def _cpu_v1(container: Container) -> dict[str, object]:
    usage, limits = container.cgroup("cpuacct"), container.cgroup("cpu")
    stat, throttled = _table(usage, "cpuacct.stat"), _table(limits, "cpu.stat")
    return {
        "usage": _given(
            total=_number(usage, "cpuacct.usage"),
            kernel=_number(usage, "cpuacct.usage_sys") or stat.get("system", 0),
            user=_number(usage, "cpuacct.usage_user") or stat.get("user", 0),
        ),
        "throttling": _given(
            periods=throttled.get("nr_periods"),
            throttledPeriods=throttled.get("nr_throttled"),
            throttledTime=throttled.get("throttled_time"),
        ),
    }


def _cpu_v2(folder: Path) -> dict[str, object]:
    stat = _table(folder, "cpu.stat")
    return {
        "usage": {
            "total": stat.get("usage_usec", 0) * NANOSECONDS,
            "kernel": stat.get("system_usec", 0) * NANOSECONDS,
            "user": stat.get("user_usec", 0) * NANOSECONDS,
        },
        "throttling": _given(
            periods=stat.get("nr_periods"),
            throttledPeriods=stat.get("nr_throttled"),
            throttledTime=stat.get("throttled_usec", 0) * NANOSECONDS,
        ),
    }


def _memory(folder: Path | None, *, v2: bool) -> dict[str, object]:
    raw = _table(folder, "memory.stat")
    files = ("memory.current", "memory.max", "memory.peak") if v2 else (
        "memory.usage_in_bytes", "memory.limit_in_bytes", "memory.max_usage_in_bytes",
    )  # fmt: skip
    usage, limit, most = (_number(folder, name) for name in files)
    return {
        "usage": _given(usage=usage, limit=limit, max=most, failcnt=_number(folder, "memory.failcnt") or 0),
        "cache": raw.get("file" if v2 else "cache", 0),
        "raw": raw,
    }


def stats(container: Container) -> dict[str, object]:
    """What the container's cgroups count, with runc's names."""
    unified = next((folder for names, folder in container.cgroups if names == "unified"), None)
    v2 = len(container.cgroups) == 1 and unified is not None
    pids = container.cgroup("pids")
    limit = _number(pids, "pids.max")
    return {
        "cpu": _cpu_v2(unified) if v2 and unified else _cpu_v1(container),
        "memory": _memory(container.cgroup("memory"), v2=v2),
        "pids": _given(current=_number(pids, "pids.current"), limit=0 if limit == UNLIMITED else limit),
        "blkio": {},
        "hugetlb": {},
        "intel_rdt": {},
        "network_interfaces": None,
    }


def _interval(text: str) -> float:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", text)
    if not match or float(match[1]) == 0:
        raise UsageError(f"--interval: '{text}' is no duration", hint="such as 5s")
    return float(match[1]) * SECONDS[match[2]]


def events(call: Call, _log: Log) -> None:
    """``events``: with ``--stats`` once, else every ``--interval`` until the container has stopped."""
    from whit.runtime.oci.cli import show  # noqa: PLC0415 - it imports this

    container = container_of(call)
    interval = _interval(call.options.text("interval", "5s"))
    if container.status()[0] is Status.STOPPED:
        raise LaunchError(f"container with id {container.name} is not running", exit_code=1)
    while True:
        show(json.dumps({"type": "stats", "id": container.name, "data": stats(container)}) + "\n")
        if call.options.flag("stats"):
            return
        time.sleep(interval)
        if container.status()[0] is Status.STOPPED:
            return
