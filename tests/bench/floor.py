"""Build the benchmark's own C programs with the launcher's compiler and flags."""

from __future__ import annotations

import platform
import runpy
import subprocess
from pathlib import Path

from tests.peers import BUILD, PROJECT
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.profile import default_filter

FLOOR = Path(__file__).with_name("floor.c")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
TRUE = "int main(void) { return 0; }\n"
SLEEPER = """#include <signal.h>
#include <unistd.h>
static void end(int number) { (void)number; _exit(0); }
int main(void) { signal(SIGTERM, end); for (;;) pause(); }
"""


def compile_c(source: Path, target: Path, includes: Path) -> None:
    """An executable, static and without warnings."""
    build = runpy.run_path(str(PROJECT / "runtime" / "launcher" / "compile_native.py"))
    compiler: list[str] = build["find_compiler"]() or []
    flags: list[str] = [*build["FLAGS"], *build["WARNINGS"]]
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([*compiler, *flags, f"-I{includes}", "-o", target, source], check=True)


def build_floor(target: Path) -> Path:
    """The physical floor, with the bytes of whit's default filter compiled in."""
    architecture = ARCHITECTURES[platform.machine()]
    program = compile_filter(default_filter(architecture), architecture)
    folder = BUILD / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    values = ",".join(map(str, program))
    (folder / "filter.h").write_text(f"static const unsigned char FILTER[] = {{{values}}};\n")
    compile_c(FLOOR, target, folder)
    return target


def _build(name: str, text: str, target: Path) -> Path:
    source = BUILD / "bench" / name
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(text)
    compile_c(source, target, source.parent)
    return target


def build_true(target: Path) -> Path:
    """The smallest static program that ends well."""
    return _build("true.c", TRUE, target)


def build_sleeper(target: Path) -> Path:
    """A program that does nothing until SIGTERM."""
    return _build("sleeper.c", SLEEPER, target)


def build_own(name: str, target: Path) -> Path:
    """One of this folder's programs."""
    includes = BUILD / "bench"
    includes.mkdir(parents=True, exist_ok=True)
    compile_c(Path(__file__).with_name(f"{name}.c"), target, includes)
    return target
