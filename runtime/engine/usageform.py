"""What containers use, in docker's columns and with its arithmetic. Pure."""

from __future__ import annotations

from whit.packer.showing.console import binary_size, human_size
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.runtime.engine.model import Container
    from whit.runtime.engine.usage import Usage

Row = dict[str, object]

HEADERS = {
    "Container": "CONTAINER", "ID": "CONTAINER ID", "Name": "NAME", "CPUPerc": "CPU %", "MemUsage": "MEM USAGE / LIMIT",
    "MemPerc": "MEM %", "NetIO": "NET I/O", "BlockIO": "BLOCK I/O", "PIDs": "PIDS",
}  # fmt: skip
TABLE = r"table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}"
_DIGITS = 3


def cpu_percent(before: Usage | None, now: Usage) -> float:
    """Of one processor's time since ``before``: two busy ones are 200."""
    if before is None or now.moment <= before.moment:
        return 0.0
    return max(now.cpu - before.cpu, 0) * 100 / (now.moment - before.moment)


def used_memory(usage: Usage) -> int:
    """What is really taken: without files that the kernel only keeps because there is room."""
    return usage.memory - usage.inactive if usage.inactive < usage.memory else usage.memory


def memory_limit(usage: Usage, machine: int) -> int:
    """The container's, or what the machine has."""
    return min(usage.memory_limit, machine) if usage.memory_limit else machine


def _pair(one: int, other: int) -> str:
    return f"{human_size(one, _DIGITS)} / {human_size(other, _DIGITS)}"


def row(
    container: Container, before: Usage | None, now: Usage | None, machine: int, called: str, *, whole: bool
) -> Row:
    """A container's line; ``now`` None for one that doesn't run. ``called`` is what the person calls it."""
    used = used_memory(now) if now else 0
    limit = memory_limit(now, machine) if now else 0
    share = used * 100 / limit if limit else 0.0
    ends = now.interfaces if now else ()
    blocks = now.blocks if now else ()
    return {
        "BlockIO": _pair(sum(block.bytes_read for block in blocks), sum(block.bytes_written for block in blocks)),
        "CPUPerc": f"{cpu_percent(before, now) if now else 0.0:.2f}%",
        "Container": called,
        "ID": container.id if whole else container.short_id,
        "MemPerc": f"{share:.2f}%",
        "MemUsage": f"{binary_size(used)} / {binary_size(limit)}",
        "Name": container.name,
        "NetIO": _pair(sum(end.received[0] for end in ends), sum(end.sent[0] for end in ends)),
        "PIDs": str(now.pids if now else 0),
    }
