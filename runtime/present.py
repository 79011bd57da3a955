"""A launch plan as people and programs read it. Pure."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from whit.runtime.opcodes import BY_NAME, Kind, Stage

if TYPE_CHECKING:
    from whit.runtime.model import LaunchPlan, Op, Value
    from whit.runtime.opcodes import Argument

TITLES = {
    Stage.GUARD: "Kept only while",
    Stage.PARENT: "Outside, before the container exists",
    Stage.CLONE: "The container's first process",
    Stage.CHILD: "Inside",
    Stage.EXEC: "The program",
}

WIDTH = 118
INDENT = 46
OCTAL = frozenset({"mode"})
HEXADECIMAL = frozenset({"flags", "attributes", "keep", "effective", "permitted", "inheritable", "ambient"})


def _shown(argument: Argument, value: Value) -> str:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, tuple):
        return " ".join(value) or "-"
    if isinstance(value, int) and argument.name in OCTAL:
        return f"{value:o}"
    if isinstance(value, int) and argument.name in HEXADECIMAL:
        return f"{value:#x}"
    return str(value)


def _arguments(op: Op) -> str:
    pairs = zip(BY_NAME[op.name].arguments, op.args, strict=True)
    words = []
    for argument, value in pairs:
        shown = _shown(argument, value)
        words.append(shown if argument.kind in {Kind.TEXT, Kind.LIST} else f"{argument.name}={shown}")
    return " ".join(word for word in words if word)


def plan_lines(plan: LaunchPlan) -> list[str]:
    """A line or more an operation: its name, its arguments, and beside them its why."""
    lines: list[str] = []
    stage = None
    for op in plan.ops:
        if BY_NAME[op.name].stage is not stage:
            stage = BY_NAME[op.name].stage
            lines += [*([""] if lines else []), TITLES[stage]]
        left = f"  {op.name.lower().replace('_', ' ')}  {_arguments(op)}".rstrip()
        why = textwrap.wrap(op.why, WIDTH - INDENT - 2) or [""]
        if len(left) <= INDENT:
            lines.append(f"{left:<{INDENT}}  {why[0]}")
            why = why[1:]
        else:
            lines += textwrap.wrap(left, WIDTH, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)
        lines += [f"{'':<{INDENT}}  {line}" for line in why]
    return lines


def plan_document(plan: LaunchPlan) -> dict[str, object]:
    """The plan for programs: ``whit-plan/1`` of docs/plan.md. Bytes are given in hexadecimal."""
    operations = []
    for op in plan.ops:
        row = BY_NAME[op.name]
        values = zip(row.arguments, op.args, strict=True)
        arguments = {item.name: value.hex() if isinstance(value, bytes) else value for item, value in values}
        operations.append(
            {"operation": op.name.lower(), "stage": row.stage.name.lower(), "arguments": arguments, "why": op.why}
        )
    return {"schema": "whit-plan/1", "version": plan.version, "operations": operations}
