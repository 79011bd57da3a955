"""What the fuzzer of the launcher's networks begins with."""

from __future__ import annotations

import pytest

from tests.fuzz.fuzz_network import CONCERNED, concerned, main, plans


def test_it_begins_with_every_operation_of_networks() -> None:
    assert {op.name for plan in plans() for op in concerned(plan).ops} == set(CONCERNED)


@pytest.mark.peer("clang")
def test_the_fuzzer_is_built_and_finds_nothing_in_what_it_begins_with() -> None:
    assert main(0) == 0
