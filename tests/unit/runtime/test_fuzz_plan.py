"""What the fuzzer of launch plans begins with."""

from __future__ import annotations

import pytest

from tests.fuzz.fuzz_plan import main, sample_plans
from whit.runtime.encode import decode, encode
from whit.runtime.opcodes import BY_NAME, Stage


def test_every_operation_is_in_a_plan_that_the_launcher_takes() -> None:
    plans = sample_plans()
    executed = {name for name, row in BY_NAME.items() if row.stage is not Stage.SUPERVISE}
    assert {op.name for plan in plans for op in plan.ops} == executed
    for plan in plans:
        assert decode(encode(plan)) == plan


@pytest.mark.peer("clang")
def test_the_fuzzer_is_built_and_finds_nothing_in_what_it_begins_with() -> None:
    assert main(0) == 0
