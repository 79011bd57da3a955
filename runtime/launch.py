"""Handing a plan to the launcher: the process becomes it, so that nothing of Python stays while the container runs."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from whit.packer.support import durable
from whit.packer.support.errors import LaunchError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.encode import encode

if TYPE_CHECKING:
    from typing import NoReturn

    from whit.runtime.model import LaunchPlan

PLANS = "plans"
"""The folder of cached plans below the store's root; see runtime/launcher/main.c."""

FNV_OFFSET, FNV_PRIME, MASK_64 = 0xCBF2_9CE4_8422_2325, 0x100_0000_01B3, (1 << 64) - 1

MAX_CACHED = 512
"""Cached plans that are kept; the oldest go first."""


def find_launcher() -> Path:
    """The native whit: beside this Python, else on the PATH."""
    beside = Path(sys.executable).parent / "whit"
    if beside.is_file():
        return beside
    import shutil  # noqa: PLC0415 - where whit is installed in an unusual way

    found = shutil.which("whit")
    if found is None:
        raise LaunchError(
            "the native whit program isn't installed", hint="install whit with pip, or run 'make install'"
        )
    return Path(found)


def cached_name(arguments: tuple[str, ...]) -> str:
    """The file name of the plan for a command line: FNV-1a (64 bits) over the arguments, each with a NUL, in decimal."""
    value = FNV_OFFSET
    for byte in b"".join(os.fsencode(argument) + b"\0" for argument in arguments):
        value = (value ^ byte) * FNV_PRIME & MASK_64
    return str(value)


def remember(plan: bytes, arguments: tuple[str, ...], root: Path) -> None:
    """Keep the plan for the next time; a cache that can't be written is no reason to fail."""
    folder = root / PLANS
    with contextlib.suppress(OSError):
        durable.private_folder(folder)
        temporary = folder / f".{os.getpid()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(plan)
        temporary.replace(folder / cached_name(arguments))
        _forget_oldest(folder)


def _forget_oldest(folder: Path) -> None:
    plans = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    for path in plans[:-MAX_CACHED]:
        path.unlink(missing_ok=True)


def become(plan: LaunchPlan, *, remember_as: tuple[str, ...] | None = None, root: Path | None = None) -> NoReturn:
    """Execute the plan in place of this process; with ``remember_as`` the launcher will find it again by itself."""
    data = encode(plan)
    if remember_as is not None and root is not None:
        remember(data, remember_as, root)
    launcher = find_launcher()
    descriptor = os.memfd_create("whit-plan", 0)
    os.write(descriptor, data)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(launcher, [str(launcher), "_launch", str(descriptor)])  # noqa: S606 - no shell is wanted
