"""Feed changed launch plans to the launcher's plan_check and to everything that reads what it has accepted.

``fuzz_plan.py SECONDS``: builds the libFuzzer target with ASan and UBSan, starts from real plans of images and of OCI
containers and from a plan with each operation of the table, and ends with status 0 if nothing was found. What was found,
and the corpus, stay in build/fuzz/plan.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz.target import Target
from tests.unit.runtime.oci_plans import oci_plans
from tests.unit.runtime.plans import real_plans
from whit.runtime.encode import encode
from whit.runtime.model import LaunchPlan, Op, Value
from whit.runtime.opcodes import OPERATIONS, PLAN_VERSION, Kind, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = Target(Path(__file__).with_suffix(".c"), ("plan.c", "guards.c", "util.c"), 16384)
SAMPLES: dict[Kind, Value] = {Kind.NUMBER: 1, Kind.TEXT: "/x", Kind.BYTES: b"\1\2\3\4\5\6\7\x08", Kind.LIST: ("a", "")}


def sample_plans() -> list[LaunchPlan]:
    """For each operation of the table a plan that has it, so that one that is new is fuzzed from its first day."""
    samples = {row.name: Op(row.name, tuple(SAMPLES[a.kind] for a in row.arguments), "x") for row in OPERATIONS}
    return [
        LaunchPlan(PLAN_VERSION, tuple(sorted({samples[row.name], clone, samples["EXEC"]}, key=_stage)))
        for row in OPERATIONS
        if row.stage is not Stage.SUPERVISE
        for clone in (samples["CLONE" if row.stage is not Stage.CLONE else row.name],)
    ]


def _stage(op: Op) -> int:
    return next(row.stage for row in OPERATIONS if row.name == op.name)


def seeds() -> Iterator[tuple[str, bytes]]:
    """The plans to begin with."""
    for name, plans in (("real", real_plans()), ("oci", oci_plans()), ("sample", sample_plans())):
        for number, plan in enumerate(plans):
            yield f"{name}-{number}", encode(plan)


def write_dictionary() -> Path:
    """The codes of all operations, as they stand in a plan."""
    dictionary = TARGET.work / "codes"
    dictionary.parent.mkdir(parents=True, exist_ok=True)
    codes = (struct.pack("=I", row.code) for row in OPERATIONS)
    lines = ["".join(f"\\x{byte:02x}" for byte in code) for code in codes]
    dictionary.write_text("".join(f'"{line}"\n' for line in lines))
    return dictionary


def main(seconds: int) -> int:
    """Build and run; the status of libFuzzer."""
    return TARGET.run(seconds, seeds(), f"-dict={write_dictionary()}")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
