"""A launch plan as people and programs read it. Pure."""

from __future__ import annotations

import shlex
import textwrap

from whit.packer.showing.present import printable
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.opcodes import BY_NAME, Stage

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

WIDTH = 120
WHY_COLUMN = 58
BELOW = 20
_TWO_COLUMNS = 100
_NARROWEST = 40
ATTRIBUTES = ((1, "ro"), (2, "nosuid"), (4, "nodev"), (8, "noexec"))
"""Mount attributes by the names that mount(8) gives them."""

HEXADECIMAL = frozenset({"flags", "keep", "effective", "permitted", "inheritable", "ambient"})


def _quoted(text: str) -> str:
    """One of several texts, so that it can be seen where it ends."""
    return shlex.quote(printable(text)) if not text or text.split() != [text] else printable(text)


def _number(argument: Argument, value: int) -> str:
    if argument.name == "attributes":
        return ",".join(word for bit, word in ATTRIBUTES if value & bit)
    if argument.name == "mode":
        return f"mode={value & 0o7777:o}"
    if argument.name in HEXADECIMAL:
        return f"{argument.name}={value:#x}"
    return f"{argument.name}={value}"


def _shown(argument: Argument, value: Value) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes" if value else ""
    if isinstance(value, tuple):
        return " ".join(map(_quoted, value))
    return _number(argument, value) if isinstance(value, int) else printable(value)


def _line(op: Op) -> str:
    pairs = zip(BY_NAME[op.name].arguments, op.args, strict=True)
    words = (_shown(argument, value) for argument, value in pairs)
    return " ".join([f"{op.name.lower().replace('_', ' '):<17}", *filter(None, words)]).rstrip()


def plan_lines(plan: LaunchPlan, width: int = WIDTH) -> list[str]:
    """A line or more an operation: its name, its arguments, and beside or below them its why.

    Where ``width`` leaves no room for two columns, whys stand below.
    """
    width = max(min(width, WIDTH), _NARROWEST)
    column = WHY_COLUMN if width >= _TWO_COLUMNS else BELOW
    lines: list[str] = []
    stage = None
    for op in plan.ops:
        if BY_NAME[op.name].stage is not stage:
            stage = BY_NAME[op.name].stage
            lines += [*([""] if lines else []), TITLES[stage]]
        left = textwrap.wrap(
            _line(op), width - 2, subsequent_indent=" " * 18, break_long_words=False, break_on_hyphens=False
        )
        why = textwrap.wrap(printable(op.why), width - column)
        if len(left) == 1 and len(left[0]) < column - 3 and why:
            left = [f"{left[0]:<{column - 2}}{why.pop(0)}"]
        lines += [f"  {line}" for line in left] + [" " * column + line for line in why]
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
