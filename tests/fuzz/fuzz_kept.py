"""Feed any bytes to what makes forms of configurations, and to what fills kept plans: runtime/launcher/form.c and kept.c.

``fuzz_kept.py SECONDS``: builds the libFuzzer target with ASan and UBSan, starts from real configurations and kept plans,
and ends with status 0 if nothing was found. What was found, and the corpus, stay in build/fuzz/kept.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz.target import Target
from tests.unit.runtime.kept_c import Launcher
from tests.unit.runtime.oci_plans import V1, V2
from tests.unit.runtime.test_oci_kept import BARE, DOCKER, kept_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

TOLD = {"dev.whit.syscalls": "read", "dev.whit.syscalls.program": "/server"}
"""An image that tells its program's calls: the program is no hole then."""

TARGET = Target(Path(__file__).with_suffix(".c"), ("form.c", "kept.c", "plan.c"), 32768)


def seeds() -> Iterator[tuple[str, bytes]]:
    """Configurations and their kept plans."""
    launcher = Launcher(TARGET.work)
    for name, document in (("docker", DOCKER), ("told", {**DOCKER, "annotations": TOLD}), ("bare", BARE)):
        config = json.dumps(document).encode()
        yield name, config
        for number, host in enumerate((V1, V2)):
            kept = kept_plan(launcher, config, host)
            if kept:
                yield f"{name}-{number}", kept


def main(seconds: int) -> int:
    """Build and run; the status of libFuzzer."""
    return TARGET.run(seconds, seeds())


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
