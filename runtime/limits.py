"""Resource limits as people write them (``64m``, ``0.5``, ``nofile=1024:2048``), parsed strictly. Pure."""

from __future__ import annotations

import re

from whit.packer.support.errors import UsageError
from whit.packer.support.light import dataclass
from whit.packer.support.times import duration
from whit.runtime.rlimits import RLIM_INFINITY, RLIMITS

CPU_PERIOD_US = 100_000
"""The length of a scheduling period; docker's and the kernel's default."""

MIN_MEMORY = 256 << 10
"""Below this the kernel can't even load a program in the cgroup."""

DEFAULT_PIDS = 4096
"""Enough for any server, and the end of a fork bomb."""

MIN_QUOTA_US = 1000
"""The kernel's least quota."""

MAX_PIDS = 1 << 22
"""The most that the kernel takes in pids.max (include/linux/threads.h, ``PID_MAX_LIMIT``)."""

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
# Digits are bounded because Python refuses to read numbers of thousands of them.
_SIZE = re.compile(
    r"(?P<whole>[0-9]{1,20})(?:\.(?P<part>[0-9]{1,20}))?(?:(?P<unit>[kmgt])(?:i?b)?|b)?", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, slots=True)
class Rlimit:
    """One resource limit; ``resource`` is its number, values are as setrlimit(2) takes them."""

    resource: int
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use: memory in bytes, CPU time in µs per :data:`CPU_PERIOD_US`, processes. None: unlimited.

    ``pids_asked`` tells a limit that a person gave from the default, which is left out where it can't be had.
    """

    memory: int | None = None
    cpu_quota_us: int | None = None
    pids: int | None = DEFAULT_PIDS
    pids_asked: bool = False


def parse_size(text: str) -> int:
    """Bytes of ``64m``, ``1.5g``, ``4096``: powers of 1024, as docker reads them. Raises :class:`UsageError`."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise UsageError(f"'{text}' is no size", hint="write a number and a unit: 512k, 64m, 1.5g")
    unit = _UNITS[(match["unit"] or "").lower()]
    return int(match["whole"]) * unit + int((match["part"] or "").ljust(20, "0")) * unit // 10**20


def parse_memory(text: str) -> int:
    """A memory limit in bytes."""
    size = parse_size(text)
    if size < MIN_MEMORY:
        raise UsageError(
            f"a memory limit of {text} is too small to start any program",
            hint=f"give at least {MIN_MEMORY >> 10}k; without --memory there is no limit",
        )
    if size >= 1 << 63:
        raise UsageError(f"a memory limit of {text} is more than the kernel can count")
    return size


def parse_cpus(text: str) -> int:
    """A share of CPUs (``0.5``, ``2``) as a quota in µs per period."""
    if not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,20})?", text):
        raise UsageError(f"'{text}' is no number of CPUs", hint="write a decimal number: 0.5, 2")
    quota = round(float(text) * CPU_PERIOD_US)
    if quota < MIN_QUOTA_US:
        raise UsageError(f"{text} CPUs are too few", hint="give at least 0.01; without --cpus there is no limit")
    if quota >= 1 << 40:
        raise UsageError(f"{text} CPUs are more than the kernel can count")
    return quota


def parse_pids(text: str) -> int | None:
    """A number of processes, or ``max`` for no limit."""
    if text == "max":
        return None
    if not re.fullmatch(r"[0-9]{1,7}", text) or not 0 < int(text) <= MAX_PIDS:
        raise UsageError(
            f"'{text}' is no limit of processes", hint=f"write a number from 1 to {MAX_PIDS}, or 'max' for no limit"
        )
    return int(text)


def parse_timeout(text: str) -> int:
    """Milliseconds of ``500ms``, ``10s``, ``1m30s``."""
    time = duration(text) // 1_000_000
    if time < 1:
        raise UsageError(f"{text} is no time to run in", hint="give at least 1ms; without --timeout there is no limit")
    return time


def _rlimit_value(text: str, whole: str) -> int:
    if text in {"unlimited", "-1"}:
        return RLIM_INFINITY
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise UsageError(f"'{whole}' is no resource limit", hint="write NAME=SOFT[:HARD], as in nofile=1024:4096")
    return int(text)


def parse_ulimit(text: str) -> Rlimit:
    """``nofile=1024:4096`` → :class:`Rlimit`."""
    name, equals, values = text.partition("=")
    if not equals or name not in RLIMITS:
        raise UsageError(
            f"'{text}' is no resource limit",
            hint=f"write NAME=SOFT[:HARD]; names are {', '.join(RLIMITS)}",
        )
    soft_text, colon, hard_text = values.partition(":")
    soft = _rlimit_value(soft_text, text)
    hard = _rlimit_value(hard_text, text) if colon else soft
    if soft > hard:
        raise UsageError(f"'{text}': the soft limit is above the hard limit")
    return Rlimit(RLIMITS.index(name), soft, hard)
