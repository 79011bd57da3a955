"""Where the system call filter is loaded: right before the program, or, for an agent, while the container is created. Pure.

OCI runtime-spec, config-linux, "Seccomp": the agent is sent the listener's descriptor with the container's state. runc does it
at ``create``, and agents wait for it there. But what the launcher does from there on falls under the filter: so it is done
where the filter lets all of that through, and nothing but the program comes after the start.
"""

from __future__ import annotations

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.model import Op
from whit.runtime.oci.fields import HINT
from whit.runtime.oci.landlock import landlock_ops

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.oci.compile import Lifecycle
    from whit.runtime.oci.linux import Linux
    from whit.runtime.oci.process import Process
    from whit.runtime.oci.spec import Spec

INIT = "dev.whit.init"

NARROWED = "linux.seccomp, and of it the calls that the program's code makes"
"""Why a filter is what it is where the image tells the program's calls: it is for that program alone."""


def agent_ops(linux: Linux) -> Iterator[Op]:
    """The way to the agent, opened while paths are the host's."""
    if linux.seccomp is not None and linux.seccomp.notified and linux.seccomp.listener_path:
        yield Op("SECCOMP_AGENT", (linux.seccomp.listener_path,), "linux.seccomp.listenerPath")


def init_ops(spec: Spec) -> tuple[Op, ...]:
    """The annotation ``dev.whit.init``: a first process that reaps orphans and passes signals on. Raises for other values."""
    where = f"annotations['{INIT}']"
    wanted = dict(spec.annotations).get(INIT, "false")
    if wanted not in {"true", "false"}:
        raise InvalidFileError(f"{where}: {wanted!r} is neither 'true' nor 'false'", hint=HINT)
    return (Op("INIT", (), where),) if wanted == "true" else ()


def last_ops(
    process: Process, spec: Spec, architecture: str, lifecycle: Lifecycle, giving_up: tuple[Op, ...]
) -> tuple[Op, ...]:
    """The wait for the start, Landlock and the filter, in their order; ``giving_up`` the right that loading it takes."""
    before, seccomp = lifecycle.before_exec, spec.linux.seccomp
    landlock = (*init_ops(spec), *landlock_ops(spec, process, architecture))
    if seccomp is None or lifecycle.filters is not None:
        return (*before, *landlock, *(lifecycle.filters or ()), *giving_up)
    # Imported here: most of a plan's cost, and not every container has a filter.
    from whit.packer.image.callsclaim import claimed  # noqa: PLC0415
    from whit.runtime.oci.filters import filter_ops, is_early  # noqa: PLC0415

    calls = claimed(dict(spec.annotations), process.args[0]) if process.args else None
    early = lifecycle.early_state
    # Hooks of the start's own are programs of any kind.
    waits_last = bool(before) and before[-1].name == "WAIT_START"
    if early is None or init_ops(spec) or not waits_last or not is_early(seccomp, architecture, rights=bool(giving_up)):
        return (*before, *landlock, *filter_ops(seccomp, architecture, lifecycle.state, calls), *giving_up)
    return (*before[:-1], *landlock, *filter_ops(seccomp, architecture, early), *giving_up, before[-1])
