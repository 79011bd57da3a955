"""What a container uses, from its cgroups' files, with the names of runc's JSON (runc-events(8)).

v2's counters go under v1's names, as runc puts them: memory and swap are added up, io.stat is split into tables. A zero
that runc leaves out is left out. Times in nanoseconds, sizes in bytes; 2^64 - 1 is "no limit".

Source: kernel documentation, cgroup-v1/{cpuacct,memory,blkio-controller,hugetlb,cpusets}.rst, cgroup-v2.rst, psi.rst.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from whit.runtime.oci.resources import listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from whit.runtime.oci.state import Container

UNLIMITED = (1 << 64) - 1
PER_MICROSECOND = 1000
PER_SECOND = 10**9

CPUSET_FLAGS = (
    "cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab",
    "memory_pressure", "sched_load_balance", "sched_relax_domain_level",
)  # fmt: skip

BLKIO_TABLES = {
    "ioServiceBytesRecursive": ("bfq.io_service_bytes_recursive", "throttle.io_service_bytes_recursive"),
    "ioServicedRecursive": ("bfq.io_serviced_recursive", "throttle.io_serviced_recursive"),
    "ioQueueRecursive": ("bfq.io_queued_recursive",),
    "ioServiceTimeRecursive": ("bfq.io_service_time_recursive",),
    "ioWaitTimeRecursive": ("bfq.io_wait_time_recursive",),
    "ioMergedRecursive": ("bfq.io_merged_recursive",),
    "ioTimeRecursive": ("bfq.time_recursive",),
    "sectorsRecursive": ("bfq.sectors_recursive",),
}
"""runc's table → the files that v1 may keep it in: the first that counts something."""

IO_STAT = {
    "rbytes": ("ioServiceBytesRecursive", "Read"), "wbytes": ("ioServiceBytesRecursive", "Write"),
    "rios": ("ioServicedRecursive", "Read"), "wios": ("ioServicedRecursive", "Write"),
}  # fmt: skip
"""A key of v2's io.stat → runc's table and the operation in it."""

Document = dict[str, object]


def _text(folder: Path | None, name: str) -> str:
    """A file of a cgroup; empty where it isn't there, and where the kernel won't tell."""
    try:
        return (folder / name).read_text() if folder else ""
    except OSError:
        return ""


def _number(folder: Path | None, name: str) -> int | None:
    text = _text(folder, name).strip()
    return UNLIMITED if text == "max" else int(text) if text else None


def table(folder: Path | None, name: str) -> dict[str, int]:
    """A file of "NAME NUMBER" lines; empty where there is none."""
    lines = (line.partition(" ") for line in _text(folder, name).splitlines())
    return {key: int(value) for key, _, value in lines if value.isdigit()}


def _given(**members: object) -> Document:
    """Without what is nothing."""
    return {name: value for name, value in members.items() if value}


def _numbers(text: str) -> list[int]:
    """A list of a cpuset's; an empty one has an empty line."""
    return [*listed(text)] if text.strip() else []


def _psi(folder: Path | None, name: str) -> Document | None:
    lines = [line.split() for line in _text(folder, name).splitlines()]
    return {
        kind: {
            key: float(value) if "." in value else int(value)
            for key, _, value in (part.partition("=") for part in parts)
        }
        for kind, *parts in lines
    } or None


def _throttling(stat: dict[str, int], time: int) -> Document:
    return _given(periods=stat.get("nr_periods"), throttledPeriods=stat.get("nr_throttled"), throttledTime=time)


def _cpu_v1(usage: Path | None, limits: Path | None) -> Document:
    ticks = PER_SECOND // os.sysconf("SC_CLK_TCK")
    stat, throttled = table(usage, "cpuacct.stat"), table(limits, "cpu.stat")
    every = [line.split() for line in _text(usage, "cpuacct.usage_all").splitlines()[1:]]
    return {
        "usage": {
            **_given(
                total=_number(usage, "cpuacct.usage"),
                percpu=[int(number) for number in _text(usage, "cpuacct.usage_percpu").split()],
                percpu_kernel=[int(line[2]) for line in every],
                percpu_user=[int(line[1]) for line in every],
            ),
            "kernel": stat.get("system", 0) * ticks,
            "user": stat.get("user", 0) * ticks,
        },
        "throttling": _throttling(throttled, throttled.get("throttled_time", 0)),
    }


def _cpu_v2(folder: Path) -> Document:
    stat = table(folder, "cpu.stat")
    return {
        "usage": {
            **_given(total=stat.get("usage_usec", 0) * PER_MICROSECOND),
            "kernel": stat.get("system_usec", 0) * PER_MICROSECOND,
            "user": stat.get("user_usec", 0) * PER_MICROSECOND,
        },
        "throttling": _throttling(stat, stat.get("throttled_usec", 0) * PER_MICROSECOND),
        **_given(psi=_psi(folder, "cpu.pressure")),
    }


def _cpuset(folder: Path | None, *, v2: bool) -> Document:
    lists = ("cpuset.cpus.effective", "cpuset.mems.effective") if v2 else ("cpuset.cpus", "cpuset.mems")
    cpus, mems = (_numbers(_text(folder, name)) for name in lists)
    flags = {name: (None if v2 else _number(folder, f"cpuset.{name}")) or 0 for name in CPUSET_FLAGS}
    return {**_given(cpus=cpus, mems=mems), **flags}


def _entry(usage: int | None, limit: int | None, most: int | None, failed: int | None) -> Document:
    return {"limit": limit or 0, **_given(usage=usage, max=most), "failcnt": failed or 0}


def _memory_v1(folder: Path | None) -> Document:
    names = {"usage": "memory", "swap": "memory.memsw", "kernel": "memory.kmem", "kernelTCP": "memory.kmem.tcp"}
    files = ("usage_in_bytes", "limit_in_bytes", "max_usage_in_bytes", "failcnt")
    entries = {key: _entry(*(_number(folder, f"{name}.{file}") for file in files)) for key, name in names.items()}
    raw = table(folder, "memory.stat")
    return {**_given(cache=raw.get("cache")), **entries, "raw": raw}


def _memory_v2(folder: Path) -> Document:
    files = ("current", "max", "peak")
    usage, limit, most = (_number(folder, f"memory.{file}") for file in files)
    swap, swap_limit, _ = (_number(folder, f"memory.swap.{file}") for file in files)
    both = UNLIMITED if UNLIMITED in (limit, swap_limit) else (limit or 0) + (swap_limit or 0)
    raw = table(folder, "memory.stat")
    none = _entry(None, None, None, None)
    return {
        **_given(cache=raw.get("file")),
        "usage": _entry(usage, limit, most, table(folder, "memory.events").get("max")),
        "swap": _entry((usage or 0) + swap, both, None, None) if swap is not None else none,
        "kernel": none,
        "kernelTCP": none,
        "raw": raw,
        **_given(psi=_psi(folder, "memory.pressure")),
    }


def _block_entry(device: str, operation: str, value: str) -> Document:
    major, _, minor = device.partition(":")
    return _given(major=int(major), minor=int(minor), op=operation, value=int(value))


def _block_table(text: str) -> Iterator[Document]:
    """Lines of "MAJOR:MINOR OPERATION NUMBER", some without an operation; the last one is the sum."""
    for line in text.splitlines():
        device, *words = line.split()
        if ":" in device:
            yield _block_entry(device, words[0] if len(words) > 1 else "", words[-1])


def _blkio_v1(folder: Path | None) -> Document:
    found = {}
    for name, files in BLKIO_TABLES.items():
        tables = ([*_block_table(_text(folder, f"blkio.{file}"))] for file in files)
        found[name] = next((entries for entries in tables if entries), None)
    return _given(**found)


def _blkio_v2(folder: Path) -> Document:
    found: dict[str, list[Document]] = {}
    for line in _text(folder, "io.stat").splitlines():
        device, *words = line.split()
        for key, _, value in (word.partition("=") for word in words):
            if key in IO_STAT:
                name, operation = IO_STAT[key]
                found.setdefault(name, []).append(_block_entry(device, operation, value))
    return _given(**found, psi=_psi(folder, "io.pressure"))


def _huge_pages(folder: Path | None, *, v2: bool) -> Document:
    """By the size of pages, as the files are called. Reservations count where the kernel keeps them, as in runc."""
    used = ".current" if v2 else ".usage_in_bytes"
    names = sorted(path.name for path in folder.glob(f"hugetlb.*{used}")) if folder else []
    sizes = [name.split(".")[1] for name in names if ".rsvd." not in name]
    found: Document = {}
    for size in sizes:
        stem = f"hugetlb.{size}.rsvd" if f"hugetlb.{size}.rsvd{used}" in names else f"hugetlb.{size}"
        most = None if v2 else _number(folder, f"{stem}.max_usage_in_bytes")
        failed = table(folder, f"hugetlb.{size}.events").get("max") if v2 else _number(folder, f"{stem}.failcnt")
        found[size] = {**_given(usage=_number(folder, f"{stem}{used}"), max=most), "failcnt": failed or 0}
    return found


def stats(container: Container) -> Document:
    """All that the container's cgroups count."""
    unified = next((folder for names, folder in container.cgroups if names == "unified"), None)
    v2 = unified is not None
    pids = container.cgroup("pids")
    limit = _number(pids, "pids.max")
    cpu, memory, blkio = (
        (_cpu_v2(unified), _memory_v2(unified), _blkio_v2(unified))
        if unified is not None
        else (
            _cpu_v1(container.cgroup("cpuacct"), container.cgroup("cpu")),
            _memory_v1(container.cgroup("memory")),
            _blkio_v1(container.cgroup("blkio")),
        )
    )
    return {
        "cpu": cpu,
        "cpuset": _cpuset(container.cgroup("cpuset"), v2=v2),
        "memory": memory,
        "pids": _given(current=_number(pids, "pids.current"), limit=0 if limit == UNLIMITED else limit),
        "blkio": blkio,
        "hugetlb": _huge_pages(container.cgroup("hugetlb"), v2=v2),
        "intel_rdt": {},
        "network_interfaces": None,
    }
