"""``whit build`` with what others have written: programs from the Go proxy, and C in Go."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.sources import done, write
from tests.peers import find_peer
from whit.toolchains.tools import locate

if TYPE_CHECKING:
    from tests.conftest import RunWhit

pytestmark = pytest.mark.peer("go")

AGE = "filippo.io/age@v1.2.1"
CRANE = "github.com/google/go-containerregistry@v0.20.2"
MODULES = {"age": (AGE, "--version"), "crane": (CRANE, "version")}
"""Program → its module, and what it is asked."""


def source_of(module: str, folder: Path) -> Path:
    """A module's own files, as a person has cloned them."""
    words = [str(find_peer("go")), "mod", "download", "-json", module]
    result = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    if result.returncode:
        lacking(f"the Go proxy didn't give {module}")
    target = folder / module.partition("@")[0].rpartition("/")[2]
    shutil.copytree(json.loads(result.stdout)["Dir"], target)
    for parent, _, _ in os.walk(target):
        Path(parent).chmod(0o755)
    return target


@pytest.mark.slow
@pytest.mark.parametrize("program", MODULES)
def test_a_program_of_others_is_built_static_runs_and_is_the_same_from_another_folder(
    run_whit: RunWhit, tmp_path: Path, whit_root: Path, program: str
) -> None:
    module, question = MODULES[program]
    source = source_of(module, tmp_path)
    document = json.loads(done(run_whit, "build", "--json", "--bin", program, "-t", program, source, timeout=600))
    (path,) = (whit_root / "build" / "caches").glob(f"source-*/{program}")
    inspected = json.loads(done(run_whit, "inspect", "--json", path))
    assert (inspected["linkage"], inspected["build"]["module"]) == ("static", module.partition("@")[0])
    assert inspected["build"]["dependencies"], "what it is made of is still told"
    assert run_whit("run", program, question).returncode == 0
    moved = source.rename(tmp_path / "elsewhere")
    words = ("build", "--json", "--bin", program, "-t", program, moved)
    again = run_whit(*words, root=tmp_path / "other", timeout=600)
    assert json.loads(again.stdout)["digest"] == document["digest"]


C_IN_GO = """package main

// #include <stdio.h>
// #include <stdlib.h>
// static int twice(int n) { return 2 * n; }
import "C"

import (
	"fmt"
	"os/user"
)

func main() {
	me, err := user.Current()
	fmt.Println(C.twice(21), me.Uid, err)
}
"""


@pytest.mark.slow
def test_c_in_go_is_linked_statically_with_musl_for_any_architecture_and_the_same_from_another_folder(
    run_whit: RunWhit, tmp_path: Path, whit_root: Path
) -> None:
    if locate("zig") is None:
        lacking("zig isn't installed; tests/setup.sh peers installs PyPI's")
    digests = set()
    for name in ("one", "two/three"):
        project = write(tmp_path / name / "cgo", {"go.mod": "module m\n\ngo 1.21\n", "main.go": C_IN_GO})
        result = run_whit("build", "--json", project, root=tmp_path / name / "root", timeout=600)
        assert result.returncode == 0, result.stderr
        digests.add(json.loads(result.stdout)["digest"])
    assert len(digests) == 1
    told = done(run_whit, "build", "--platform", "linux/amd64,linux/arm64", "-t", "cgo", project, timeout=600)
    assert "C is in m" in told
    assert done(run_whit, "run", "cgo").strip() == "42 65532 <nil>"
    for path in (whit_root / "build" / "caches").glob("source-*/cgo"):
        inspected = json.loads(done(run_whit, "inspect", "--json", path))
        assert inspected["linkage"] == "static"
        emulator = find_peer("qemu-aarch64" if inspected["platform"]["architecture"] == "arm64" else "qemu-x86_64")
        if emulator:
            ran = subprocess.run([emulator, path], capture_output=True, text=True, check=True, timeout=60)
            assert ran.stdout.startswith("42 ")
