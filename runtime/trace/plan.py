"""A launch plan whose program is traced. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from whit.runtime.model import LaunchPlan, Op
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.trace.calls import trace_filter

if TYPE_CHECKING:
    from collections.abc import Iterator

BEFORE = ("INIT", "SECCOMP", "EXEC")
"""The watching filter is loaded before the first of these: the init process closes what is open."""


def traced(plan: LaunchPlan, architecture: str, socket: int, tracer: int) -> LaunchPlan:
    """The plan, with its program's calls shown to process ``tracer``, which gets the listener through ``socket``."""
    return replace(plan, ops=tuple(_ops(plan, architecture, socket, tracer)))


def _ops(plan: LaunchPlan, architecture: str, socket: int, tracer: int) -> Iterator[Op]:
    program = compile_filter(trace_filter(architecture), architecture)
    first = next(op for op in plan.ops if op.name in BEFORE)
    yield from (op for op in plan.ops if op.name.startswith("GUARD_"))
    yield Op("TIE_TO_CALLER", (tracer,), "no container outlives its tracer")
    for op in plan.ops:
        if op is first:
            yield Op("TRACE", (socket, program), "whit trace shows what the program opens, executes and misses")
        if not op.name.startswith("GUARD_"):
            yield op
