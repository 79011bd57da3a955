"""What tests of engines share: an image with busybox, and the same command on two runtimes at once."""

from __future__ import annotations

import io
import os
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.peers import find_peer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

RUNTIMES = ("runc", "whit")
EVERY = 1 if os.environ.get("WHIT_ENGINES") == "all" else 4
"""`make test` runs each fourth of the commands that stand alone, `make engines` all."""

LONG = 120.0
"""Seconds that nothing takes, however busy the machine is."""

APPLETS = (
    "sh", "echo", "id", "cat", "tty", "hostname", "sleep", "ls", "true", "stty", "grep", "touch", "mkdir", "readlink",
    "tail", "cut", "rm", "mknod", "env", "mount", "wc", "head", "nproc", "chroot",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def both(do: Callable[[str], Any]) -> list[Any]:
    """The same on both runtimes, at the same time."""
    with ThreadPoolExecutor(len(RUNTIMES)) as pool:
        return list(pool.map(do, RUNTIMES))


def until(holds: Callable[[], bool]) -> None:
    """Wait for it."""
    end = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def write_image(archive: Path, programs: Mapping[str, tuple[bytes, int]] | None = None) -> None:
    """A file system with busybox, and in /bin the programs: name → content and mode."""
    busybox = find_peer("busybox-static")
    assert busybox is not None
    with tarfile.open(archive, "w") as tar:
        for name in ("bin", "etc", "dev", "proc", "sys", "tmp"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        for name, (data, mode) in {"busybox": (busybox.read_bytes(), 0o755), **(programs or {})}.items():
            program = tarfile.TarInfo(f"bin/{name}")
            program.size, program.mode = len(data), mode
            tar.addfile(program, io.BytesIO(data))
        for name in APPLETS:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
