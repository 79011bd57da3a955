"""Linux capabilities: names ↔ bits (include/uapi/linux/capability.h), and what a container is given. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UsageError

NAMES: tuple[str, ...] = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
)  # fmt: skip
"""Position = bit number."""


def parse_capability(text: str) -> str:
    """``net_admin``, ``CAP_NET_ADMIN`` … → ``NET_ADMIN``. Raises :class:`UsageError` with the nearest name."""
    name = text.upper().removeprefix("CAP_")
    if text.isascii() and name in NAMES:
        return name
    import difflib  # noqa: PLC0415 - of use for an error only

    near = difflib.get_close_matches(name, NAMES, n=1)
    raise UsageError(
        f"'{text}' is no capability", hint=f"did you mean {near[0]}?" if near else "see 'man 7 capabilities'"
    )


def mask(names: frozenset[str]) -> int:
    """The bit set of capability names."""
    return sum(1 << NAMES.index(name) for name in names)
