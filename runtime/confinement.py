"""What ``whit run`` leaves to a program by default and in a strict sandbox, in the words of the packer's attack surface. Pure."""

from __future__ import annotations

from whit.packer.image.callsclaim import Calls
from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.packer.surface.model import Confinement, Confining
from whit.packer.syscalls.names import syscall_numbers
from whit.runtime.devfiles import DEVICES, PTMX
from whit.runtime.listening import code_ports
from whit.runtime.options import Program, RunOptions
from whit.runtime.sandbox import Sandbox, Walls, listening, said_of
from whit.runtime.seccomp.model import ALLOW
from whit.runtime.seccomp.profile import default_filter
from whit.runtime.seccomp.proven import proven_filter
from whit.runtime.seccomp.strict import strict_filter

if TYPE_CHECKING:
    from whit.packer.surface.model import Started


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


def whit_strict(architecture: str, started: Started) -> Confinement:
    """With ``--sandbox strict``, with a network, on a kernel that has all of Landlock."""
    calls = None if started.calls is None else Calls(started.calls)
    found = Program("", "", "", started.config, calls=calls, listens=tuple(code_ports(started.listens)))
    command = (*started.config.entrypoint, *started.config.cmd)
    ports = listening(Sandbox(), found, said_of(found, RunOptions(), command))
    walls = Walls(has_network=True, is_known=calls is not None)
    return replace(
        whit_default(architecture),
        name="strict",
        calls=allowed_calls(architecture, started.calls, walls),
        ports=tuple(sorted({port.number for port in ports})),
        executes=started.executes,
        is_root_by_default=False,
    )


def allowed_calls(
    architecture: str, calls: frozenset[str] | None = None, walls: Walls | None = None
) -> frozenset[str] | None:
    """The calls that the filter lets pass, if only with some arguments; None for an architecture without a table.

    It is the default filter, or that of a program that makes these ``calls``; within the ``walls`` of a strict sandbox.
    """
    try:
        known = syscall_numbers(architecture)
        filter_ = default_filter(architecture) if calls is None else proven_filter(Calls(calls), architecture, start=0)
    except (UnsupportedError, OSError):
        return None
    if walls is not None:
        filter_ = strict_filter(filter_, walls)
    refused, allowed = set[str](), set[str]()
    for rule in filter_.rules:
        if rule.action == ALLOW:
            allowed |= {*rule.names} - refused
        elif not rule.conditions:
            refused |= {*rule.names} - allowed
    return frozenset(allowed & known.keys())


WHIT = Confining(whit_default, whit_strict)
"""How whit confines."""
