"""Resource limits' numbers. Pure."""

from __future__ import annotations

RLIMITS: tuple[str, ...] = (
    "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending",
    "msgqueue", "nice", "rtprio", "rttime",
)  # fmt: skip
"""Resource limits by their number (include/uapi/asm-generic/resource.h)."""

RLIM_INFINITY = (1 << 64) - 1
