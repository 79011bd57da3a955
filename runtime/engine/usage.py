"""What a container uses, read from its cgroups' files (v1 or v2) and its first process's network. Few files, read quickly.

Source: kernel documentation, cgroup-v1/{cpuacct,memory,blkio-controller}.rst, cgroup-v2.rst; proc_net_dev(5), proc_meminfo(5).
"""

from __future__ import annotations

import os
import time

from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.oci.records import PROCESS
from whit.runtime.oci.state import parse_process, start_time

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK, _HALF_PAGE = 1 << 16, 2048
_UNLIMITED = 1 << 62
"""No machine has as much memory; v1 says "no limit" by a number near 2^63."""
_BLKIO = ("throttle.io_service_bytes_recursive", "bfq.io_service_bytes_recursive")
_BLKIO_COUNTS = ("throttle.io_serviced_recursive", "bfq.io_serviced_recursive")


@dataclass(frozen=True, slots=True)
class Interface:
    """What went over a network interface: bytes, packets, errors and drops, received and sent."""

    name: str
    received: tuple[int, int, int, int]
    sent: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Block:
    """What was read from a block device, and written to it: bytes and operations."""

    device: str
    bytes_read: int = 0
    bytes_written: int = 0
    reads: int = 0
    writes: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Times in ns, sizes in bytes. ``moment`` is by a clock that is never set; limits are 0 where there is none.

    ``inactive`` is the part of the memory that the kernel can take back at once: files that nobody has used for a while.
    """

    moment: int
    cpu: int = 0
    cpu_user: int = 0
    cpu_system: int = 0
    periods: int = 0
    throttled_periods: int = 0
    throttled: int = 0
    memory: int = 0
    memory_limit: int = 0
    inactive: int = 0
    cache: int = 0
    anonymous: int = 0
    failures: int = 0
    pids: int = 0
    pids_limit: int = 0
    blocks: tuple[Block, ...] = ()
    interfaces: tuple[Interface, ...] = ()


def _text(folder: str, name: str) -> str:
    """A file; empty where it isn't there."""
    if not folder:
        return ""
    try:
        descriptor = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        data = part = os.read(descriptor, _CHUNK)
        # The kernel fills a page at a time: after much less than one there is nothing more.
        while len(part) >= _HALF_PAGE:
            part = os.read(descriptor, _CHUNK)
            data += part
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return data.decode("ascii", "replace")


def _number(folder: str, name: str) -> int:
    text = _text(folder, name).strip()
    return int(text) if text.isdigit() else 0


def _limit(folder: str, name: str) -> int:
    number = _number(folder, name)
    return number if number < _UNLIMITED else 0


def _table(folder: str, name: str) -> dict[str, int]:
    lines = (line.partition(" ") for line in _text(folder, name).splitlines())
    return {key: int(value) for key, _, value in lines if value.isdigit()}


def _operations(text: str) -> dict[str, dict[str, int]]:
    """Device → operation → number, of lines "MAJOR:MINOR OPERATION NUMBER"."""
    found: dict[str, dict[str, int]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and ":" in words[0] and words[2].isdigit():  # noqa: PLR2004 - as above
            found.setdefault(words[0], {})[words[1]] = int(words[2])
    return found


def _blocks_v1(folder: str) -> Iterator[Block]:
    # The first has every device's where the kernel has it at all; its last line is always there.
    sizes, counts = (
        _operations(_text(folder, f"blkio.{first}") or _text(folder, f"blkio.{second}"))
        for first, second in (_BLKIO, _BLKIO_COUNTS)
    )
    for device, size in sizes.items():
        count = counts.get(device, {})
        yield Block(device, size.get("Read", 0), size.get("Write", 0), count.get("Read", 0), count.get("Write", 0))


def _blocks_v2(folder: str) -> Iterator[Block]:
    for line in _text(folder, "io.stat").splitlines():
        device, *words = line.split()
        values = {key: int(value) for key, _, value in (word.partition("=") for word in words) if value.isdigit()}
        yield Block(device, *(values.get(key, 0) for key in ("rbytes", "wbytes", "rios", "wios")))


def interfaces(text: str) -> tuple[Interface, ...]:
    """Those of a /proc/PID/net/dev, but for the loopback: what a process says to itself goes over no network."""
    found = []
    for line in text.splitlines()[2:]:
        name, _, numbers = line.partition(":")
        values = [int(word) for word in numbers.split()]
        if name.strip() != "lo":
            received, sent = ((values[at], *values[at + 1 : at + 4]) for at in (0, 8))
            found.append(Interface(name.strip(), _four(received), _four(sent)))
    return tuple(found)


def _four(numbers: tuple[int, ...]) -> tuple[int, int, int, int]:
    one, two, three, four = numbers
    return one, two, three, four


def _usage_v1(folders: dict[str, str]) -> Usage:
    cpuacct, memory, pids = (folders.get(name, "") for name in ("cpuacct", "memory", "pids"))
    tick = 10**9 // os.sysconf("SC_CLK_TCK")
    moment = time.monotonic_ns()
    cpu = _number(cpuacct, "cpuacct.usage")
    times, throttled = _table(cpuacct, "cpuacct.stat"), _table(folders.get("cpu", ""), "cpu.stat")
    stat = _table(memory, "memory.stat")
    return Usage(
        moment=moment,
        cpu=cpu,
        cpu_user=times.get("user", 0) * tick,
        cpu_system=times.get("system", 0) * tick,
        periods=throttled.get("nr_periods", 0),
        throttled_periods=throttled.get("nr_throttled", 0),
        throttled=throttled.get("throttled_time", 0),
        memory=_number(memory, "memory.usage_in_bytes"),
        memory_limit=_limit(memory, "memory.limit_in_bytes"),
        inactive=stat.get("total_inactive_file", 0),
        cache=stat.get("total_cache", 0),
        anonymous=stat.get("total_rss", 0),
        failures=_number(memory, "memory.failcnt"),
        pids=_number(pids, "pids.current"),
        pids_limit=_limit(pids, "pids.max"),
        blocks=tuple(_blocks_v1(folders.get("blkio", ""))),
    )


def _usage_v2(folder: str) -> Usage:
    moment = time.monotonic_ns()
    cpu, stat = _table(folder, "cpu.stat"), _table(folder, "memory.stat")
    return Usage(
        moment=moment,
        cpu=cpu.get("usage_usec", 0) * 1000,
        cpu_user=cpu.get("user_usec", 0) * 1000,
        cpu_system=cpu.get("system_usec", 0) * 1000,
        periods=cpu.get("nr_periods", 0),
        throttled_periods=cpu.get("nr_throttled", 0),
        throttled=cpu.get("throttled_usec", 0) * 1000,
        memory=_number(folder, "memory.current"),
        memory_limit=_limit(folder, "memory.max"),
        inactive=stat.get("inactive_file", 0),
        cache=stat.get("file", 0),
        anonymous=stat.get("anon", 0),
        failures=_table(folder, "memory.events").get("max", 0),
        pids=_number(folder, "pids.current"),
        pids_limit=_limit(folder, "pids.max"),
        blocks=tuple(_blocks_v2(folder)),
    )


def read_usage(records: str, *, networked: bool) -> Usage:
    """What a container uses now, by the folder of whit-oci's records of it (runtime/oci/state.py).

    ``networked``: it has a network of its own, or another container's; what is the host's is counted for nobody.
    """
    lines = (line.partition(":") for line in _text(records, "cgroups").splitlines())
    folders = {name: path for names, _, path in lines for name in names.split(",")}
    usage = _usage_v2(folders["unified"]) if "unified" in folders else _usage_v1(folders)
    try:
        pid, started = parse_process(_text(records, PROCESS) if networked else "")
    except ValueError:
        return usage
    if start_time(pid) != started:
        return usage
    return replace(usage, interfaces=interfaces(_text(f"/proc/{pid}/net", "dev")))


def machine_memory() -> int:
    """How much the machine has: the limit of whoever has none."""
    for line in _text("/proc", "meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) << 10
    return 0
