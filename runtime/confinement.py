"""What ``whit run`` leaves to a program by default, in the words of the packer's attack surface. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UnsupportedError
from whit.packer.surface.model import Confinement
from whit.packer.syscalls.names import syscall_numbers
from whit.runtime.devfiles import DEVICES, PTMX
from whit.runtime.seccomp.model import ALLOW
from whit.runtime.seccomp.profile import default_filter


def whit_default(architecture: str) -> Confinement:
    """Without options, as root starts it; without root there is a user namespace around it too. ``architecture`` is OCI's word."""
    return Confinement(
        "whit",
        allowed_calls(architecture),
        mounts=(("/dev/shm", False), ("/tmp", True)),  # noqa: S108 - in the container
        devices=(*(name for name, *_ in DEVICES), PTMX[0]),
        network="a network of its own, with a way out",
    )


def allowed_calls(architecture: str) -> frozenset[str] | None:
    """The calls that the default filter lets pass, if only with some arguments; None for an architecture without a table."""
    try:
        rules = default_filter(architecture).rules
        known = syscall_numbers(architecture)
    except (UnsupportedError, OSError):
        return None
    return frozenset(name for rule in rules if rule.action == ALLOW for name in rule.names if name in known)
