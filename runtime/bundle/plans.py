"""The plans of a bundle: whit run's own, for hosts that nobody has seen yet. Pure.

What a host decides (who the caller is, where its cgroups are) and what a person asks for at each start (limits, volumes,
variables) is put in by the launcher: runtime/launcher/bundle_plan.c.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from whit.runtime.bundle.form import VARIANTS
from whit.runtime.cgroup import CgroupLayout, CgroupVersion
from whit.runtime.limits import Limits
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.mounts import NODEV, NOSUID, RDONLY
from whit.runtime.options import Host, Network
from whit.runtime.plan import command_line, compile_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.options import Program, RunOptions

ANYBODY = 1
"""Stands for the caller's user and group; the launcher knows better."""


def entrypoint_words(options: RunOptions, program: Program) -> int:
    """How many words of the command stay where a person gives others."""
    given = program.config.entrypoint if options.entrypoint is None else tuple(filter(None, (options.entrypoint,)))
    return len(given)


def _host(architecture: str, *, is_root: bool) -> Host:
    user = 0 if is_root else ANYBODY
    return Host(user, user, architecture, CgroupLayout(CgroupVersion.NONE), launcher_owner=-1)


def _bundled(plan: LaunchPlan, *, is_root: bool) -> Iterator[Op]:
    for op in plan.ops:
        if op.name in {"HOLD_LOCK", "SEAL_SELF"}:
            # There is no store; and the launcher seals itself before it reads the plan.
            continue
        if op.name == "ROOT_ATTACH":
            why = "the image's files, in memory of the container's own"
            yield Op("ROOT_UNPACK", (NOSUID | NODEV, int(is_root), 1), why)
            continue
        if op.name == "ROOT_PIVOT":
            yield Op("ROOT_FILLED", (), "all of them are there, and whole")
            yield Op("PATH_ATTRIBUTES", ("/", RDONLY, 0, 0), "the image's files, which nothing may change")
        yield op


def own_calls(program: Program, options: RunOptions) -> tuple[str, ...] | None:
    """The calls of the program's own code, by name, where a bundle's filter allows no others.

    Where a person's words name the program it may be another one each time.
    """
    if program.calls is None or program.wasm or not entrypoint_words(options, program):
        return None
    return tuple(sorted(program.calls.names))


def plans_of(
    program: Program, options: RunOptions, architecture: str, executable: str
) -> tuple[tuple[LaunchPlan, ...], int]:
    """(A plan for each of :data:`VARIANTS`, how many of the command's words are the entrypoint's). Raises what compiling does."""
    command_line(options, program)
    if own_calls(program, options) is None:
        program = replace(program, calls=None)
    plans = []
    for name in VARIANTS:
        is_root, network = name.startswith("root"), Network.HOST if name.endswith("-host") else Network.NONE
        wanted = replace(options, network=network, bridge=None, limits=Limits(), volumes=())
        plan = compile_plan(program, wanted, _host(architecture, is_root=is_root), executable=executable)
        plans.append(LaunchPlan(plan.version, tuple(_bundled(plan, is_root=is_root))))
    return tuple(plans), entrypoint_words(options, program)
