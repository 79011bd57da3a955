"""What this kernel's Landlock can. Source: the kernel's Documentation/userspace-api/landlock.rst, "Previous limitations"."""

from __future__ import annotations

_CREATE_RULESET, _VERSION = 444, 1

SINCE = (
    (3, "truncating (Linux 6.2)"),
    (4, "TCP ports (6.7)"),
    (5, "ioctl of devices (6.10)"),
    (6, "abstract sockets and signals (6.12)"),
)
"""What each version of Landlock brought, of what whit uses. Version 2 (moving files between folders) forbids less by itself."""


def landlock_version() -> int:
    """The kernel's; 0 for none (landlock_create_ruleset(2))."""
    import ctypes  # noqa: PLC0415 - only for this

    return max(int(ctypes.CDLL(None).syscall(_CREATE_RULESET, None, 0, _VERSION)), 0)


def lacking() -> str:
    """What this kernel is without, in words; empty for nothing."""
    version = landlock_version()
    if version == 0:
        return "this kernel has no Landlock (Linux 5.13), or was started without"
    unknown = ", ".join(what for since, what in SINCE if since > version)
    return f"this kernel's Landlock knows nothing of {unknown}" if unknown else ""
