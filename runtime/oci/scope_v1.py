"""A scope's properties on cgroup v1: the names that systemd has for that kernel interface, and what may be used of devices. Pure.

On v1 systemd writes lists of devices itself, whenever it writes anything of the scope: it must know ours, or it would
open them all. Source: systemd.resource-control(5), "Deprecated options" and DeviceAllow=; as runc has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.runtime.oci.scope import DEFAULT_PERIOD, UNLIMITED, set_property

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.oci.cgroups import Write
    from whit.runtime.oci.scope import Property

SHARES, BLOCK_IO_WEIGHTS = (2, 1 << 18), (10, 1000)
"""What systemd takes; it refuses the whole request for any other number."""

KINDS = {"b": "block", "c": "char"}


def _number(write: Write) -> list[Property]:
    value = int(write.value) if write.value != "max" else -1
    if write.file == "memory.limit_in_bytes":
        return [("MemoryLimit", ("t", value if value >= 0 else UNLIMITED))]
    if write.file == "pids.max":
        # It takes no 0; that is written to the cgroup itself.
        return [("TasksMax", ("t", max(1, value) if value >= 0 else UNLIMITED))]
    if write.file == "cpu.shares":
        return [("CPUShares", ("t", min(max(value, SHARES[0]), SHARES[1])))]
    low, high = BLOCK_IO_WEIGHTS
    return [("BlockIOWeight", ("t", value))] if low <= value <= high else []


NUMBERS = {"memory.limit_in_bytes", "pids.max", "cpu.shares", "blkio.weight", "blkio.bfq.weight"}


def _quota(files: dict[str, str]) -> Iterator[Property]:
    """Of CPU time a second; systemd writes quota and period together."""
    period, quota = files.get("cpu.cfs_period_us"), int(files.get("cpu.cfs_quota_us", "0"))
    if period:
        yield "CPUQuotaPeriodUSec", ("t", int(period))
    if period or quota:
        share = quota * 1_000_000 // int(period or DEFAULT_PERIOD) if quota > 0 else UNLIMITED
        yield "CPUQuotaPerSecUSec", ("t", share)


def v1_properties(writes: tuple[Write, ...]) -> list[Property]:
    """The limits as far as systemd knows them."""
    found = [item for write in writes if write.file in NUMBERS for item in _number(write)]
    found += _quota({write.file: write.value for write in writes})
    return [*found, *(item for write in writes for item in set_property(write))]


def _device(line: str) -> tuple[str, str] | None:
    """A line of devices.allow as DeviceAllow has it; None for ``*:N``, which systemd has no form for."""
    kind, numbers, access = line.split()
    major, minor = numbers.split(":")
    if major == "*":
        return (f"{KINDS[kind]}-*", access) if minor == "*" else None
    if minor == "*":
        return f"{KINDS[kind]}-{major}", access
    return f"/dev/{KINDS[kind]}/{major}:{minor}", access


def device_properties(lines: tuple[tuple[str, str], ...]) -> list[Property]:
    """For (file, line) as :func:`~whit.runtime.oci.devices.v1_writes` has them; none on v2.

    Systemd has no "all but these": it forbids all then, until the lines are written after it.
    """
    if not lines:
        return []
    (first, _), *others = lines
    cleared: Property = ("DeviceAllow", ("a(ss)", []))
    if first == "devices.allow":
        return [cleared, ("DevicePolicy", ("s", "strict" if others else "auto"))]
    allowed = [entry for entry in (_device(line) for _, line in others) if entry is not None]
    # What is said last is added to what was said before, unless that is nothing.
    return [cleared, ("DevicePolicy", ("s", "strict")), ("DeviceAllow", ("a(ss)", allowed))]
