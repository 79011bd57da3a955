"""What this kernel's Landlock can. Source: the kernel's Documentation/userspace-api/landlock.rst, "Previous limitations"."""

from __future__ import annotations

_CREATE_RULESET, _VERSION = 444, 1

SINCE = (
    (1, "Landlock (Linux 5.13)"),
    (3, "Landlock's right to truncate (6.2)"),
    (4, "Landlock for TCP ports (6.7)"),
    (5, "Landlock for devices' ioctl (6.10)"),
    (6, "Landlock for abstract sockets and signals (6.12)"),
)
"""What each version of Landlock brought, of what whit uses. Version 2 (moving files between folders) forbids less by itself."""


def landlock_version() -> int:
    """The kernel's; 0 for none (landlock_create_ruleset(2))."""
    import ctypes  # noqa: PLC0415 - only for this

    return max(int(ctypes.CDLL(None).syscall(_CREATE_RULESET, None, 0, _VERSION)), 0)


def lacking() -> tuple[str, ...]:
    """What this kernel is without."""
    version = landlock_version()
    return SINCE[0][1:] if version == 0 else tuple(what for since, what in SINCE if since > version)
