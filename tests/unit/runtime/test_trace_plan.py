"""A plan whose program is traced: where the two operations stand."""

from __future__ import annotations

import pytest

from tests.unit.runtime.plans import GUARDS, PROGRAM, ROOT_V1
from whit.runtime.encode import decode, encode
from whit.runtime.opcodes import BY_NAME
from whit.runtime.options import RunOptions
from whit.runtime.plan import compile_plan
from whit.runtime.trace.calls import trace_filter
from whit.runtime.trace.plan import traced


@pytest.mark.parametrize("init", [False, True])
def test_the_watching_filter_is_loaded_while_the_tracer_s_socket_is_still_open(init: bool) -> None:
    plan = compile_plan(PROGRAM, RunOptions(init=init), ROOT_V1, guards=GUARDS)
    names = [op.name for op in traced(plan, trace_filter("amd64"), 5, 77).ops]

    assert names[names.index("TRACE") + 1] == ("INIT" if init else "SECCOMP")
    assert names.index("NO_NEW_PRIVILEGES") < names.index("TRACE"), "the kernel asks for it of who isn't root"


def test_the_container_is_tied_to_the_tracer_before_anything_is_made() -> None:
    plan = traced(compile_plan(PROGRAM, RunOptions(), ROOT_V1, guards=GUARDS), trace_filter("amd64"), 5, 77)
    made = [op for op in plan.ops if not op.name.startswith("GUARD_")]

    assert (made[0].name, made[0].args) == ("TIE_TO_CALLER", (77,))


def test_nothing_else_of_the_plan_changes_and_the_launcher_takes_it() -> None:
    plan = compile_plan(PROGRAM, RunOptions(), ROOT_V1, guards=GUARDS)
    changed = traced(plan, trace_filter("amd64"), 5, 77)

    assert tuple(op for op in changed.ops if op.name not in {"TRACE", "TIE_TO_CALLER"}) == plan.ops
    assert decode(encode(changed)) == changed
    stages = [BY_NAME[op.name].stage for op in changed.ops]
    assert stages == sorted(stages)
