"""The operation table keeps its own rules, and its C header is C."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.peers import PROJECT
from whit.runtime.opcodes import BY_CODE, BY_NAME, MAX_ARGUMENTS, OPERATIONS, Kind, Stage, c_header

if TYPE_CHECKING:
    from pathlib import Path

CHECK = """
#include "ops.h"
static const struct op_signature signatures[OP_COUNT] = OP_SIGNATURES;
_Static_assert(sizeof(signatures) / sizeof(*signatures) == OP_COUNT, "a row an operation");
int main(void) {
    return signatures[OP_EXEC].stage == STAGE_EXEC && signatures[OP_EXEC].kinds[EXEC_environment] == KIND_LIST
        && signatures[OP_SET_IDS].kinds[SET_IDS_groups] == KIND_BYTES && signatures[OP_NONE].kinds[0] == KIND_NONE ? 0 : 1;
}
"""


def test_codes_count_from_one_without_gaps() -> None:
    assert [operation.code for operation in OPERATIONS] == list(range(1, len(OPERATIONS) + 1))
    assert len(BY_NAME) == len(BY_CODE) == len(OPERATIONS)


def test_no_operation_has_more_arguments_than_a_record_holds() -> None:
    assert max(len(operation.arguments) for operation in OPERATIONS) <= MAX_ARGUMENTS


def test_rows_stand_in_the_order_of_their_stages() -> None:
    stages = [operation.stage for operation in OPERATIONS]
    assert stages == sorted(stages)
    assert stages.count(Stage.EXEC) == 1
    assert {row.name for row in OPERATIONS if row.stage is Stage.CLONE} == {"CLONE", "CLONE_FREE"}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation.name))
def test_what_completes_a_sentence(operation: object) -> None:
    what = getattr(operation, "what")  # noqa: B009 - the parameter is any row
    assert what[0].islower()
    assert not what.endswith(".")


def test_argument_names_are_names_in_c() -> None:
    for operation in OPERATIONS:
        assert operation.name.isupper()
        assert all(argument.name.isidentifier() and argument.kind in Kind for argument in operation.arguments)
        assert len({argument.name for argument in operation.arguments}) == len(operation.arguments)


@pytest.mark.peer("gcc")
def test_the_generated_header_compiles_and_says_what_the_table_says(tmp_path: Path) -> None:
    (tmp_path / "ops.h").write_text(c_header())
    (tmp_path / "check.c").write_text(CHECK)
    warnings = ["-std=gnu11", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    subprocess.run(["gcc", *warnings, "-o", "check", "check.c"], cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "check"], check=True)


def test_every_operation_of_the_parent_and_the_child_has_its_function_in_the_launcher() -> None:
    table = (PROJECT / "runtime" / "launcher" / "launch.c").read_text()
    executed = {operation for operation in OPERATIONS if operation.stage in {Stage.PARENT, Stage.CHILD, Stage.EXEC}}
    missing = [row.name for row in executed if f"[OP_{row.name}] = op_{row.name.lower()}," not in table]
    assert missing == []


def test_every_setting_of_a_supervisor_has_its_reader_in_the_launcher() -> None:
    table = (PROJECT / "runtime" / "launcher" / "engine_settings.c").read_text()
    settings = {operation for operation in OPERATIONS if operation.stage is Stage.SUPERVISE}
    assert [row.name for row in settings if f"[OP_{row.name}] = read_" not in table] == []
