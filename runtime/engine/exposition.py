"""Containers in Prometheus's text format (version 0.0.4), by cAdvisor's names where it has the thing. Pure.

Source: prometheus.io, "Exposition formats"; cAdvisor, docs/storage/prometheus.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.status import Health, State
from whit.runtime.engine.usageform import memory_limit, used_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.runtime.engine.model import Container
    from whit.runtime.engine.status import Status
    from whit.runtime.engine.usage import Usage

SECOND = 10**9
Labels = dict[str, str]
Number = int | float


@dataclass(frozen=True, slots=True)
class Seen:
    """A container as it is now. ``usage`` is None for one that doesn't run."""

    container: Container
    status: Status
    usage: Usage | None


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: ``of`` gives a container's values, each with the labels that it has beside the container's."""

    name: str
    kind: str
    help: str
    of: Callable[[Seen, int], Iterator[tuple[Labels, Number]]]


def _used(name: str, kind: str, text: str, value: Callable[[Usage], Number]) -> Family:
    """A metric of containers that run."""

    def of(seen: Seen, _machine: int) -> Iterator[tuple[Labels, Number]]:
        if seen.usage is not None:
            yield {}, value(seen.usage)

    return Family(name, kind, text, of)


def _sent(name: str, text: str, at: int, *, out: bool) -> Family:
    def of(seen: Seen, _machine: int) -> Iterator[tuple[Labels, Number]]:
        for end in seen.usage.interfaces if seen.usage else ():
            yield {"interface": end.name}, (end.sent if out else end.received)[at]

    return Family(name, "counter", text, of)


def _moved(name: str, text: str, field: str) -> Family:
    def of(seen: Seen, _machine: int) -> Iterator[tuple[Labels, Number]]:
        for block in seen.usage.blocks if seen.usage else ():
            yield {"device": block.device}, getattr(block, field)

    return Family(name, "counter", text, of)


def _limit(seen: Seen, machine: int) -> Iterator[tuple[Labels, Number]]:
    if seen.usage is not None:
        yield {}, memory_limit(seen.usage, machine)


def _states(seen: Seen, _machine: int) -> Iterator[tuple[Labels, Number]]:
    for state in State:
        yield {"state": str(state)}, int(seen.status.state == state)


def _healths(seen: Seen, _machine: int) -> Iterator[tuple[Labels, Number]]:
    if seen.status.health != Health.NONE:
        for health in (Health.STARTING, Health.HEALTHY, Health.UNHEALTHY):
            yield {"health": str(health)}, int(seen.status.health == health)


def _known(name: str, kind: str, text: str, value: Callable[[Status], Number | None]) -> Family:
    """A metric of all containers, where it has a value."""

    def of(seen: Seen, _machine: int) -> Iterator[tuple[Labels, Number]]:
        found = value(seen.status)
        if found is not None:
            yield {}, found

    return Family(name, kind, text, of)


def _exit_code(status: Status) -> int | None:
    return status.exit_code if status.finished or status.state == State.EXITED else None


_SIDES = (("receive", "received", False), ("transmit", "sent", True))
FAMILIES = (
    _used("container_cpu_usage_seconds_total", "counter", "CPU time used.", lambda use: use.cpu / SECOND),
    _used("container_cpu_user_seconds_total", "counter", "CPU time of programs.", lambda use: use.cpu_user / SECOND),
    _used("container_cpu_system_seconds_total", "counter", "CPU time of the kernel.", lambda use: use.cpu_system / SECOND),
    _used("container_cpu_cfs_periods_total", "counter", "Periods of the CPU limit.", lambda use: use.periods),
    _used("container_cpu_cfs_throttled_periods_total", "counter", "Periods in which the limit was reached.", lambda use: use.throttled_periods),
    _used("container_cpu_cfs_throttled_seconds_total", "counter", "Time held back by the limit.", lambda use: use.throttled / SECOND),
    _used("container_memory_usage_bytes", "gauge", "Memory in use, with all that is cached.", lambda use: use.memory),
    _used("container_memory_working_set_bytes", "gauge", "Memory in use, without files that nobody has used for a while.", used_memory),
    _used("container_memory_cache", "gauge", "Bytes of files that are cached.", lambda use: use.cache),
    _used("container_memory_rss", "gauge", "Bytes of memory that belongs to no file.", lambda use: use.anonymous),
    _used("container_memory_failcnt", "counter", "How often the memory limit was reached.", lambda use: use.failures),
    Family("container_spec_memory_limit_bytes", "gauge", "The memory limit: the machine's memory where there is none.", _limit),
    _used("container_threads", "gauge", "Processes and threads.", lambda use: use.pids),
    _used("container_threads_max", "gauge", "The most processes and threads that are allowed, 0 for any.", lambda use: use.pids_limit),
    *(_sent(f"container_network_{word}_bytes_total", f"Bytes {done}.", 0, out=out) for word, done, out in _SIDES),
    *(_sent(f"container_network_{word}_packets_total", f"Packets {done}.", 1, out=out) for word, done, out in _SIDES),
    *(_sent(f"container_network_{word}_errors_total", f"Packets not {done} for an error.", 2, out=out) for word, done, out in _SIDES),
    *(_sent(f"container_network_{word}_packets_dropped_total", f"Packets dropped instead of {done}.", 3, out=out) for word, done, out in _SIDES),
    _moved("container_fs_reads_bytes_total", "Bytes read from block devices.", "bytes_read"),
    _moved("container_fs_writes_bytes_total", "Bytes written to block devices.", "bytes_written"),
    _moved("container_fs_reads_total", "Reads from block devices.", "reads"),
    _moved("container_fs_writes_total", "Writes to block devices.", "writes"),
    _known("container_start_time_seconds", "gauge", "When it was started last, in seconds since 1970.", lambda status: status.started / SECOND if status.started else None),
    Family("whit_container_state", "gauge", "1 for the state that it is in.", _states),
    Family("whit_container_health", "gauge", "1 for what its probe last came to; none for a container without a probe.", _healths),
    _known("whit_container_restarts_total", "counter", "How often it was restarted since a person started it.", lambda status: status.restarts),
    _known("whit_container_last_exit_code", "gauge", "The exit code of its last end.", _exit_code),
    _known("whit_container_oom_killed", "gauge", "1 if the kernel killed something in it for memory.", lambda status: int(status.oom)),
)  # fmt: skip


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _labels(labels: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _value(number: Number) -> str:
    return repr(number)


def exposition(seen: list[Seen], machine: int) -> str:
    """All of it: each metric with its help, its type, and a line a value. ``machine`` is the machine's memory."""
    own = [
        _labels({"id": item.container.id, "name": item.container.name, "image": item.container.image}) for item in seen
    ]
    lines = []
    for family in FAMILIES:
        values = [
            f"{family.name}{{{base}{',' if more else ''}{_labels(more)}}} {_value(value)}"
            for item, base in zip(seen, own, strict=True)
            for more, value in family.of(item, machine)
        ]
        if values:
            lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}", *values]
    return "".join(f"{line}\n" for line in lines)
