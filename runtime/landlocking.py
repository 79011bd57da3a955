"""What this kernel's Landlock can. Source: the kernel's Documentation/userspace-api/landlock.rst, "Previous limitations"."""

from __future__ import annotations

_CREATE_RULESET, _VERSION = 444, 1

_TRUNCATING, _LOGGING = 3, 7
SINCE = (
    (_TRUNCATING, "truncating (Linux 6.2)"),
    (4, "TCP ports (6.7)"),
    (5, "ioctl of devices (6.10)"),
    (6, "abstract sockets and signals (6.12)"),
    (_LOGGING, "writing to the audit log (6.15)"),
)
"""What each version of Landlock brought, of what whit uses. Version 2 (moving files between folders) forbids less by itself."""


def landlock_version() -> int:
    """The kernel's; 0 for none (landlock_create_ruleset(2))."""
    import ctypes  # noqa: PLC0415 - only for this

    return max(int(ctypes.CDLL(None).syscall(_CREATE_RULESET, None, 0, _VERSION)), 0)


def lacking() -> str:
    """What this kernel is without, in words, of what a strict sandbox uses; empty for nothing."""
    return lacking_for(is_strict=True)


def lacking_for(*, is_strict: bool, is_logged: bool = False) -> str:
    """The same of what ``--landlock`` uses, or ``--sandbox strict``, with or without ``log``."""
    version = landlock_version()
    if version == 0:
        # With --landlock the start fails, and says so.
        return "this kernel has no Landlock (Linux 5.13), or was started without" if is_strict else ""
    most = (_LOGGING if is_logged else _LOGGING - 1) if is_strict else _TRUNCATING
    unknown = ", ".join(what for since, what in SINCE if version < since <= most)
    return f"this kernel's Landlock knows nothing of {unknown}" if unknown else ""
