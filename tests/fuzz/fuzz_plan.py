"""Feed changed launch plans to the launcher's plan_check and to everything that reads what it has accepted.

``fuzz_plan.py SECONDS``: builds the libFuzzer target with ASan and UBSan, starts from real plans of images and of OCI
containers and from a plan with each operation of the table, and ends with status 0 if nothing was found. What was found,
and the corpus, stay in build/fuzz/plan.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.unit.runtime.oci_plans import oci_plans  # noqa: E402 - run as a script, from anywhere
from tests.unit.runtime.plans import real_plans  # noqa: E402
from whit.runtime.encode import encode  # noqa: E402
from whit.runtime.model import LaunchPlan, Op, Value  # noqa: E402
from whit.runtime.opcodes import OPERATIONS, PLAN_VERSION, Kind, Stage, c_header  # noqa: E402

WORK = ROOT / "build" / "fuzz" / "plan"
LAUNCHER = ROOT / "runtime" / "launcher"
SOURCES = [Path(__file__).with_suffix(".c"), *(LAUNCHER / name for name in ("plan.c", "guards.c", "util.c"))]
SANITIZE = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
MAX_LENGTH = 16384
SAMPLES: dict[Kind, Value] = {Kind.NUMBER: 1, Kind.TEXT: "/x", Kind.BYTES: b"\1\2\3\4\5\6\7\x08", Kind.LIST: ("a", "")}


def compile_target(clang: str) -> Path:
    """The fuzzer's program, built anew."""
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "ops.h").write_text(c_header())
    target = WORK / "fuzz_plan"
    warnings = ["-std=gnu11", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    includes = [f"-I{WORK}", f"-I{LAUNCHER}"]
    subprocess.run([clang, *warnings, *SANITIZE, *includes, "-o", target, *SOURCES], check=True)
    return target


def sample_plans() -> list[LaunchPlan]:
    """For each operation of the table a plan that has it, so that one that is new is fuzzed from its first day."""
    samples = {row.name: Op(row.name, tuple(SAMPLES[a.kind] for a in row.arguments), "x") for row in OPERATIONS}
    return [
        LaunchPlan(PLAN_VERSION, tuple(sorted({samples[row.name], clone, samples["EXEC"]}, key=_stage)))
        for row in OPERATIONS
        for clone in (samples["CLONE" if row.stage is not Stage.CLONE else row.name],)
    ]


def _stage(op: Op) -> int:
    return next(row.stage for row in OPERATIONS if row.name == op.name)


def write_seeds() -> Path:
    """The plans to begin with, one a file."""
    corpus = WORK / "corpus"
    corpus.mkdir(exist_ok=True)
    for name, plans in (("real", real_plans()), ("oci", oci_plans()), ("sample", sample_plans())):
        for number, plan in enumerate(plans):
            (corpus / f"{name}-{number}").write_bytes(encode(plan))
    return corpus


def write_dictionary() -> Path:
    """The codes of all operations, as they stand in a plan."""
    dictionary = WORK / "codes"
    codes = (struct.pack("=I", row.code) for row in OPERATIONS)
    lines = ["".join(f"\\x{byte:02x}" for byte in code) for code in codes]
    dictionary.write_text("".join(f'"{line}"\n' for line in lines))
    return dictionary


def main(seconds: int) -> int:
    """Build and run; the status of libFuzzer."""
    clang = shutil.which("clang")
    if clang is None:
        sys.exit("fuzz_plan: no clang\nhint: apt-get install clang")
    # No time at all: just what there is to begin with.
    limit = f"-max_total_time={seconds}" if seconds else "-runs=0"
    command = [str(compile_target(clang)), limit, f"-max_len={MAX_LENGTH}", "-print_final_stats=1"]
    command += [f"-dict={write_dictionary()}"]
    return subprocess.run([*command, f"-artifact_prefix={WORK}/", str(write_seeds())], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
