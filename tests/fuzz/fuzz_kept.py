"""Feed any bytes to what makes forms of configurations, and to what fills kept plans: runtime/launcher/form.c and kept.c.

``fuzz_kept.py SECONDS``: builds the libFuzzer target with ASan and UBSan, starts from real configurations and kept plans,
and ends with status 0 if nothing was found. What was found, and the corpus, stay in build/fuzz/kept.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.unit.runtime.kept_c import Launcher  # noqa: E402 - run as a script, from anywhere
from tests.unit.runtime.test_oci_compile import V1, V2  # noqa: E402
from tests.unit.runtime.test_oci_kept import BARE, DOCKER, HEAD, REQUEST, TIMES  # noqa: E402
from whit.runtime.oci.kept import template  # noqa: E402
from whit.runtime.oci.making import make  # noqa: E402
from whit.runtime.opcodes import c_header  # noqa: E402

WORK = ROOT / "build" / "fuzz" / "kept"
LAUNCHER = ROOT / "runtime" / "launcher"
SOURCES = [Path(__file__).with_suffix(".c"), *(LAUNCHER / name for name in ("form.c", "kept.c", "plan.c"))]
SANITIZE = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
MAX_LENGTH = 32768


def compile_target(clang: str) -> Path:
    """The fuzzer's program, built anew."""
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "ops.h").write_text(c_header())
    target = WORK / "fuzz_kept"
    warnings = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    subprocess.run([clang, *warnings, *SANITIZE, f"-I{WORK}", f"-I{LAUNCHER}", "-o", target, *SOURCES], check=True)
    return target


def write_seeds() -> Path:
    """Configurations and their kept plans, one a file."""
    corpus = WORK / "corpus"
    corpus.mkdir(exist_ok=True)
    launcher = Launcher(WORK)
    for name, document in (("docker", DOCKER), ("bare", BARE)):
        config = json.dumps(document).encode()
        (corpus / name).write_bytes(config)
        form = launcher.form(config)
        for number, host in enumerate((V1, V2)):
            made = make(config, REQUEST, host, TIMES[0])
            kept = template(HEAD + form[0], config, REQUEST, host, (made, TIMES[0])) if form else None
            if kept:
                (corpus / f"{name}-{number}").write_bytes(kept)
    return corpus


def main(seconds: int) -> int:
    """Build and run; the status of libFuzzer."""
    clang = shutil.which("clang")
    if clang is None:
        sys.exit("fuzz_kept: no clang\nhint: apt-get install clang")
    target = compile_target(clang)
    command = [str(target), f"-max_total_time={seconds}", f"-max_len={MAX_LENGTH}", "-print_final_stats=1"]
    return subprocess.run([*command, f"-artifact_prefix={WORK}/", str(write_seeds())], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
