"""The launcher is built by whichever compiler a machine has, without a warning, into a program that needs nothing else."""

from __future__ import annotations

import runpy
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.peers import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

LAUNCHER = PROJECT / "runtime" / "launcher"


@pytest.mark.usefixtures("whit")  # its ops.h is generated
@pytest.mark.parametrize(
    "compiler",
    [pytest.param(name, marks=pytest.mark.peer(name)) for name in ("musl-gcc", "gcc", "clang")],
)
def test_the_launcher_compiles_without_a_warning(compiler: str, tmp_path: Path) -> None:
    build = runpy.run_path(str(LAUNCHER / "compile_native.py"))
    target = tmp_path / "whit"
    sources = sorted(LAUNCHER.glob("*.c"))
    headers = [f"-I{PROJECT / 'build' / 'native'}", f"-I{LAUNCHER}"]
    command = [compiler, *build["FLAGS"], *build["WARNINGS"], *headers, "-o", target, *sources]

    compiled = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (compiled.returncode, compiled.stderr) == (0, "")
    readelf = subprocess.run(["readelf", "-lW", target], capture_output=True, text=True, check=True)
    assert "INTERP" not in readelf.stdout
