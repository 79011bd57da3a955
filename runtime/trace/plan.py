"""A launch plan whose program is traced. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from whit.runtime.model import LaunchPlan, Op
from whit.runtime.seccomp.bpf import compile_filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.seccomp.model import Filter

BEFORE = ("INIT", "SECCOMP", "EXEC")
"""The watching filter is loaded before the first of these: the init process closes what is open."""


def traced(plan: LaunchPlan, watching: Filter, socket: int, tracer: int) -> LaunchPlan:
    """The plan, with the calls that ``watching`` shows given to process ``tracer``, which gets the listener through ``socket``."""
    return replace(plan, ops=tuple(_ops(plan, watching, socket, tracer)))


def _ops(plan: LaunchPlan, watching: Filter, socket: int, tracer: int) -> Iterator[Op]:
    program = compile_filter(watching, watching.architectures[0])
    first = next(op for op in plan.ops if op.name in BEFORE)
    yield from (op for op in plan.ops if op.name.startswith("GUARD_"))
    yield Op("TIE_TO_CALLER", (tracer,), "no container outlives its tracer")
    for op in plan.ops:
        if op is first:
            yield Op("TRACE", (socket, program), "whit trace shows what the program opens, executes and misses")
        if not op.name.startswith("GUARD_"):
            yield op
