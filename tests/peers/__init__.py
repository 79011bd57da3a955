"""The programs that whit is compared and tested with: where they are, and how to start those that need starting."""

from __future__ import annotations

import shutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
BUILD = PROJECT / "build"
BUILT_PEERS = BUILD / "bench" / "bin"

FILES = {
    "busybox-static": ("/bin/busybox", "/usr/bin/busybox"),
    "bash-static": ("/bin/bash-static", "/usr/bin/bash-static"),
    "arm64-libraries": ("/usr/aarch64-linux-gnu/lib/libc.so.6",),
    "qemu-aarch64-static": (str(BUILD / "peers" / "qemu-aarch64-static"), "/usr/bin/qemu-aarch64-static"),
    "guest-kernel": (str(BUILD / "vm" / "kernel" / "vmlinuz"),),
    "guest-kernel-arm64": (str(BUILD / "vm" / "arm64" / "vmlinuz"),),
    "busybox-arm64": (str(BUILD / "vm" / "arm64" / "busybox"),),
    "guest-loop": (str(BUILD / "vm" / "kernel" / "loop.ko"),),
    "guest-quota": (str(BUILD / "vm" / "kernel" / "quota_v2.ko"),),
}
"""Peers that are files rather than programs on PATH, and where they may be."""

SYSTEM_PATH = (
    "/usr/sbin",
    "/sbin",
    str(PROJECT / ".venv" / "bin"),
    "/usr/local/go/bin",
    str(Path.home() / ".cargo" / "bin"),
)
"""Where programs are that a person's PATH may leave out."""


def find_peer(name: str) -> Path | None:
    """The peer's file, or None where this machine lacks it."""
    for candidate in FILES.get(name, ()):
        if Path(candidate).exists():
            return Path(candidate)
    found = shutil.which(name)
    for folder in (*SYSTEM_PATH, str(BUILT_PEERS)):
        found = found or shutil.which(name, path=folder)
    return Path(found) if found and name not in FILES else None
