"""(specification, bundle, host) → LaunchPlan: how an OCI container is made, decided in one place. Pure.

The order is that of OCI runtime-spec, runtime, "Lifecycle", with the operations of runtime/opcodes.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.runtime.model import LaunchPlan, Op
    from whit.runtime.oci.model import Cgroup, OciHost, Running
    from whit.runtime.oci.process import Process
    from whit.runtime.oci.spec import Spec


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The operations of the lifecycle's own, put at their places: what is decided by the command and not by config.json.

    ``first`` stand before the container exists, ``clone`` in place of the CLONE operation's name, ``inside`` right
    after it, ``before_root`` before the root is changed (the createContainer hooks' place), ``console`` where /dev is
    mounted, ``before_exec`` after all rights are set and before the filter (waiting for ``start``).
    """

    first: tuple[Op, ...] = ()
    inside: tuple[Op, ...] = ()
    before_root: tuple[Op, ...] = ()
    console: tuple[Op, ...] = ()
    before_exec: tuple[Op, ...] = ()


@dataclass(frozen=True, slots=True)
class Compiled:
    """The plan, the cgroups that it makes, and what couldn't be honoured and is no error."""

    plan: LaunchPlan
    cgroup: Cgroup
    warnings: tuple[str, ...] = ()


def compile_container(spec: Spec, bundle: str, container: str, host: OciHost, lifecycle: Lifecycle) -> Compiled:
    """The plan of ``create``. Raises :class:`InvalidFileError` or :class:`UnsupportedError` with the member's path.

    ``bundle`` is absolute; ``container`` its id.
    """
    raise NotImplementedError


def compile_exec(process: Process, spec: Spec, running: Running, host: OciHost, lifecycle: Lifecycle) -> Compiled:
    """The plan of ``exec``: ``process`` joins what ``spec``'s container has."""
    raise NotImplementedError
