"""The architectures that filters are made for: how the kernel names them, and their system calls' numbers."""

from __future__ import annotations

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.packer.syscalls import names

X32_BIT = 0x4000_0000

if TYPE_CHECKING:
    from typing import Literal


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture in OCI's platform word.

    ``audit`` is what ``seccomp_data.arch`` holds (include/uapi/linux/audit.h, ``AUDIT_ARCH_*``); ``has_x32`` says
    that a second set of numbers, those with :data:`X32_BIT`, comes in under the same ``audit`` value.
    """

    name: str
    audit: int
    byte_order: Literal["little", "big"] = "little"
    has_x32: bool = False


ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture("amd64", 0xC000_003E, has_x32=True),
        Architecture("386", 0x4000_0003),
        Architecture("arm64", 0xC000_00B7),
        Architecture("arm", 0x4000_0028),
        Architecture("riscv64", 0xC000_00F3),
        Architecture("ppc64le", 0xC000_0015),
        Architecture("s390x", 0x8000_0016, byte_order="big"),
    )
}


def architecture_of(name: str) -> Architecture:
    """The architecture of this name. Raises :class:`UnsupportedError` for one that whit has no table of calls for."""
    known = ARCHITECTURES.get(name)
    if known is None:
        raise UnsupportedError(
            f"no system call filter for the architecture {name!r}",
            hint=f"whit makes filters for {', '.join(ARCHITECTURES)}",
        )
    return known


def syscall_numbers(name: str) -> dict[str, int]:
    """Call name → number on this architecture. Two names may share a number; treat the result as read-only."""
    architecture_of(name)
    return names.syscall_numbers(name)
