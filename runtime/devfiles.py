"""What every container has in /dev (OCI runtime-spec, config-linux, "Default Devices" and "/dev symbolic links"). Pure."""

from __future__ import annotations

DEVICES = (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0))
"""Name, major, minor."""

LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
)

PTMX = ("ptmx", "pts/ptmx")
"""The way to a new terminal; it leads into /dev/pts, which is mounted before."""
