"""Whether this machine executes programs of another platform: itself, or by a handler of binfmt_misc (as qemu-user's).

Linux, admin-guide/binfmt-misc.rst. A RUN sees the image's files alone, so a handler must have been opened when it was
registered (flag F), unless its interpreter is in the image.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.support.light import dataclass
from whit.packer.buildfile.dockerfile.plan import RunStep
from whit.packer.support.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.buildfile.dockerfile.plan import Plan, StagePlan
    from whit.packer.image.platform import Platform

FOLDER = Path("/proc/sys/fs/binfmt_misc")
_OWN = {"amd64": ("386",), "arm64": ("arm",), "ppc64": ("ppc",), "s390x": ("s390",)}
"""What processors of one kind execute beside their own."""

_ELF = {
    "386": (1, True, 3), "amd64": (2, True, 62), "arm": (1, True, 40), "arm64": (2, True, 183), "loong64": (2, True, 258),
    "mips": (1, False, 8), "mipsle": (1, True, 8), "mips64": (2, False, 8), "mips64le": (2, True, 8),
    "ppc64": (2, False, 21), "ppc64le": (2, True, 21), "riscv64": (2, True, 243), "s390x": (2, False, 22),
}  # fmt: skip
"""Class, whether it is little-endian, and e_machine of each architecture's programs (ELF, gABI 4.1)."""

_QEMU = {"amd64": "x86_64", "386": "i386", "arm64": "aarch64", "mipsle": "mipsel", "mips64le": "mips64el", "loong64": "loongarch64"}


@dataclass(frozen=True, slots=True)
class Handler:
    """One of binfmt_misc's: files that have ``magic`` at ``offset``, under a mask, go to an interpreter."""

    name: str
    interpreter: str
    flags: str
    offset: int
    magic: bytes
    mask: bytes

    def takes(self, head: bytes) -> bool:
        """Whether a file that begins so is its."""
        part = head[self.offset : self.offset + len(self.magic)]
        mask = self.mask or b"\xff" * len(self.magic)
        return len(part) == len(self.magic) and all(a & m == b & m for a, b, m in zip(part, self.magic, mask, strict=True))


def parse_handler(name: str, text: str) -> Handler | None:
    """A handler's file; None for one that is off, or goes by files' names."""
    lines = dict(line.partition(" ")[::2] for line in text.splitlines())
    try:
        if "enabled" not in lines or "magic" not in lines:
            return None
        offset, magic = int(lines.get("offset", "0")), bytes.fromhex(lines["magic"])
        mask = bytes.fromhex(lines.get("mask", ""))
    except ValueError:
        return None
    if mask and len(mask) != len(magic):
        return None
    return Handler(name, lines.get("interpreter", ""), lines.get("flags:", ""), offset, magic, mask)


def read_handlers(folder: Path = FOLDER) -> tuple[Handler, ...]:
    """Those that are on; none where binfmt_misc isn't mounted."""
    try:
        names = sorted(set(os.listdir(folder)) - {"register", "status"})  # noqa: PTH208 - names alone
        if (folder / "status").read_text().strip() != "enabled":
            return ()
        found = (parse_handler(name, (folder / name).read_text("utf-8", "replace")) for name in names)
        return tuple(filter(None, found))
    except OSError:
        return ()


def program_head(architecture: str) -> bytes | None:
    """How a program of an architecture begins; None for one that nothing is known of."""
    if architecture not in _ELF:
        return None
    size, is_little, machine = _ELF[architecture]
    head = bytes((0x7F, *b"ELF", size, 1 if is_little else 2, 1)) + bytes(9)
    return head + struct.pack("<HHI" if is_little else ">HHI", 2, machine, 1)


def refuse_unexecutable(plans: Iterable[Plan], here: Platform, handlers: tuple[Handler, ...]) -> None:
    """Refuse what would fail at a RUN later, before anything is built. Raises :class:`UnsupportedError`."""
    for plan in plans:
        for stage in plan.stages:
            run = next((step for step in stage.steps if isinstance(step, RunStep)), None)
            why = _why_not(stage, here, handlers) if run else None
            if run and why:
                qemu = _QEMU.get(stage.platform.architecture, stage.platform.architecture)
                raise UnsupportedError(
                    f"{run.source.place}: {run.title[:80]} is for {stage.platform}, and this machine ({here}) can't execute that: {why}",
                    hint=f"install qemu-{qemu} for binfmt_misc (Debian: qemu-user-static), or FROM --platform=$BUILDPLATFORM and cross-compile",
                )


def _why_not(stage: StagePlan, here: Platform, handlers: tuple[Handler, ...]) -> str | None:
    wanted = stage.platform
    if wanted.os != here.os:
        return f"it runs {here.os}"
    if wanted.architecture in (here.architecture, *_OWN.get(here.architecture, ())):
        return None
    head = program_head(wanted.architecture)
    taking = [handler for handler in handlers if head and handler.takes(head)]
    if not taking:
        return "binfmt_misc has no handler for it"
    if all("F" not in handler.flags for handler in taking):
        return f"binfmt_misc's {taking[0].name} has no flag F, so that no image sees its interpreter"
    return None
