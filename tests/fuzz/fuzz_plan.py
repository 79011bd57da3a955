"""Feed changed launch plans to the launcher's plan_check and to everything that reads what it has accepted.

``fuzz_plan.py SECONDS``: builds the libFuzzer target with ASan and UBSan, starts from real plans, and ends with
status 0 if nothing was found. What was found, and the corpus, stay in build/fuzz/plan.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.unit.runtime.plans import real_plans  # noqa: E402 - run as a script, from anywhere
from whit.runtime.encode import encode  # noqa: E402
from whit.runtime.opcodes import c_header  # noqa: E402

WORK = ROOT / "build" / "fuzz" / "plan"
LAUNCHER = ROOT / "runtime" / "launcher"
SOURCES = [Path(__file__).with_suffix(".c"), LAUNCHER / "plan.c", LAUNCHER / "guards.c"]
SANITIZE = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
MAX_LENGTH = 16384


def compile_target(clang: str) -> Path:
    """The fuzzer's program, built anew."""
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "ops.h").write_text(c_header())
    target = WORK / "fuzz_plan"
    warnings = ["-std=gnu11", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    includes = [f"-I{WORK}", f"-I{LAUNCHER}"]
    subprocess.run([clang, *warnings, *SANITIZE, *includes, "-o", target, *SOURCES], check=True)
    return target


def write_seeds() -> Path:
    """Real plans, one a file."""
    corpus = WORK / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, plan in enumerate(real_plans()):
        (corpus / f"real-{number}").write_bytes(encode(plan))
    return corpus


def main(seconds: int) -> int:
    """Build and run; the status of libFuzzer."""
    clang = shutil.which("clang")
    if clang is None:
        sys.exit("fuzz_plan: no clang\nhint: apt-get install clang")
    target = compile_target(clang)
    command = [str(target), f"-max_total_time={seconds}", f"-max_len={MAX_LENGTH}", "-print_final_stats=1"]
    return subprocess.run([*command, f"-artifact_prefix={WORK}/", str(write_seeds())], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
