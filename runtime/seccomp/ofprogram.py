"""What was found in a program's code → a filter's document for other runtimes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.image.callsclaim import Calls, Refusal
from whit.packer.support.errors import UnsupportedError
from whit.packer.syscalls.ofimage import known_names
from whit.runtime.seccomp.export import to_oci
from whit.runtime.seccomp.portable import portable
from whit.runtime.seccomp.proven import exported_filter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.syscalls.found import Findings


def profile_of(name: str, findings: Findings, refusal: str, added: Iterable[str] = ()) -> dict[str, object]:
    """The document (OCI runtime specification, ``linux.seccomp``), which docker takes as a profile too; with ``added`` calls.

    Raises :class:`UnsupportedError` where not all of the program's calls are known.
    """
    if not findings.complete:
        raise UnsupportedError(
            f"{name}: not all of its system calls are known, so there is no filter of them",
            hint="whit syscalls shows what is unknown, and where",
        )
    calls = known_names(findings) | frozenset(added)
    return to_oci(portable(exported_filter(Calls(calls, Refusal(refusal)), findings.architecture)))
