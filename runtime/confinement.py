"""What ``whit run`` leaves to a program by default, in the words of the packer's attack surface. Pure."""

from __future__ import annotations

from whit.packer.image.callsclaim import Calls
from whit.packer.support.errors import UnsupportedError
from whit.packer.surface.model import Confinement
from whit.packer.syscalls.names import syscall_numbers
from whit.runtime.devfiles import DEVICES, PTMX
from whit.runtime.seccomp.model import ALLOW
from whit.runtime.seccomp.profile import default_filter
from whit.runtime.seccomp.proven import proven_filter


def whit_default(architecture: str, calls: frozenset[str] | None = None) -> Confinement:
    """Without options, as root starts it; without root there is a user namespace around it too. ``architecture`` is OCI's word.

    ``calls`` are those of an image that was packed with ``--seccomp auto``.
    """
    return Confinement(
        "whit",
        allowed_calls(architecture, calls),
        mounts=(("/dev/shm", False), ("/tmp", True)),  # noqa: S108 - in the container
        devices=(*(name for name, *_ in DEVICES), PTMX[0]),
        network="a network of its own, with a way out",
    )


def allowed_calls(architecture: str, calls: frozenset[str] | None = None) -> frozenset[str] | None:
    """The calls that the filter lets pass, if only with some arguments; None for an architecture without a table.

    It is the default filter, or that of a program that makes these ``calls``.
    """
    try:
        known = syscall_numbers(architecture)
        filter_ = default_filter(architecture) if calls is None else proven_filter(Calls(calls), architecture, start=0)
    except (UnsupportedError, OSError):
        return None
    return frozenset(name for rule in filter_.rules if rule.action == ALLOW for name in rule.names if name in known)
