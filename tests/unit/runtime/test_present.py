"""A plan as people and programs read it: every operation with its why, and nothing that a terminal would obey."""

from __future__ import annotations

import json

import pytest

from tests.unit.runtime.plans import PROGRAM, ROOT_V1, names, real_plans
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.opcodes import PLAN_VERSION
from whit.runtime.options import RunOptions
from whit.runtime.plan import compile_plan
from whit.runtime.present import WIDTH, plan_document, plan_lines

PLAN = compile_plan(PROGRAM, RunOptions(arguments=("two words", "", "plain")), ROOT_V1)


def _lines(*ops: Op) -> str:
    return "\n".join(plan_lines(LaunchPlan(PLAN_VERSION, ops)))


def test_operations_stand_in_their_order_below_the_title_of_their_stage() -> None:
    lines = plan_lines(PLAN)
    titles = [line for line in lines if line and not line.startswith(" ")]
    assert titles == ["Outside, before the container exists", "The container's first process", "Inside", "The program"]
    started = [line for line in lines if line.startswith("  ") and line[2] != " "]
    assert len(started) == len(PLAN.ops)
    for name, line in zip(names(PLAN), started, strict=True):
        assert line[2:].startswith(name.lower().replace("_", " "))


@pytest.mark.parametrize("plan", real_plans())
def test_every_why_is_shown_and_lines_fit(plan: LaunchPlan) -> None:
    lines = plan_lines(plan)
    words = " ".join(" ".join(lines).split())
    for op in plan.ops:
        assert all(word in words for word in op.why.split())
    assert max(map(len, lines)) <= WIDTH


@pytest.mark.parametrize("width", [60, 80, 99])
def test_in_a_narrow_terminal_every_why_stands_below(width: int) -> None:
    ops = (Op("MOUNT_NEW", ("proc", "/proc", "", 14), "its own processes"), Op("NEW_SESSION", (), "no typing"))
    assert plan_lines(LaunchPlan(PLAN_VERSION, ops), width)[-3:] == [
        "  mount new         proc /proc nosuid,nodev,noexec",
        "                    its own processes",
        "  new session       no typing",
    ]


def test_it_wraps_to_a_phone_s_width() -> None:
    lines = plan_lines(LaunchPlan(PLAN_VERSION, (Op("NEW_SESSION", (), "the program can't type into a terminal"),)), 40)
    assert max(map(len, lines)) <= 40


def test_numbers_are_shown_as_their_meaning_is_written() -> None:
    text = _lines(
        Op("CLONE", (0x7C02_0000, 1), "namespaces"),
        Op("MAKE_DIRECTORY", ("/dev/shm", 0o1777), "shared memory"),
        Op("SECCOMP", (b"x" * 16,), "filter"),
        Op("SET_IDS", (65532, 7, b"", 1), "user"),
    )
    for shown in ("flags=0x7c020000", "cgroup=1", "/dev/shm", "mode=1777", "16 bytes", "uid=65532", "gid=7"):
        assert shown in text


def test_arguments_are_quoted_as_a_shell_would_need_them() -> None:
    text = " ".join(_lines(Op("EXEC", ("/x", ("/x", "two words", "", "plain"), ()), "run")).split())
    assert "/x 'two words' '' plain" in text


@pytest.mark.parametrize("nasty", ["\x1b[31mred", "a\nb", "a\rb", "\x9b1m", "\udcff", "\u202eabc", "\x07"])
def test_nothing_that_a_terminal_would_obey_is_shown(nasty: str) -> None:
    op = Op("EXEC", (nasty, ("/x", nasty), (f"A={nasty}",)), f"why {nasty}")
    lines = plan_lines(LaunchPlan(PLAN_VERSION, (op,)))
    for line in lines:
        assert line.isprintable()
        line.encode()


@pytest.mark.parametrize("plan", real_plans())
def test_the_document_holds_every_operation_by_name_with_its_arguments_by_name(plan: LaunchPlan) -> None:
    document = json.loads(json.dumps(plan_document(plan)))
    assert document["schema"] == "whit-plan/1"
    assert document["version"] == PLAN_VERSION
    assert [row["operation"] for row in document["operations"]] == [name.lower() for name in names(plan)]
    assert {row["stage"] for row in document["operations"]} <= {"guard", "parent", "clone", "child", "exec"}
    assert all(row["why"] for row in document["operations"])
    last = document["operations"][-1]["arguments"]
    assert last["path"] == "/server"
    assert last["arguments"][0] == "/server"


def test_bytes_are_hexadecimal_in_the_document() -> None:
    document = plan_document(LaunchPlan(PLAN_VERSION, (Op("SECCOMP", (b"\x01\xff",), "filter"),)))
    assert document["operations"] == [
        {"operation": "seccomp", "stage": "child", "arguments": {"program": "01ff"}, "why": "filter"}
    ]
