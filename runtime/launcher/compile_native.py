"""Compile the launcher: find a C compiler, generate ops.h, build ``build/native/whit`` and ``whit-oci``.

Run from the project's root by the Makefile and by the build backend; needs nothing but Python's standard library.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

SOURCES = Path(__file__).resolve().parent
ROOT = SOURCES.parents[1]
OUTPUT = ROOT / "build" / "native"

WARNINGS = [
    "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wswitch-enum", "-Wstrict-prototypes", "-Wmissing-prototypes",
    "-Wformat=2", "-Wnull-dereference", "-Wundef", "-Wvla", "-Werror",
]  # fmt: skip
FLAGS = [
    "-std=gnu11", "-D_GNU_SOURCE", "-Os", "-static", "-fno-pie", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections",
    "-fno-asynchronous-unwind-tables", "-fno-stack-protector", "-Wl,-z,noexecstack", "-Wl,--build-id=none", "-s",
]  # fmt: skip

PROBE = "#include <stdint.h>\n#include <sys/syscall.h>\n#include <unistd.h>\nint main(void) { return (int)syscall(SYS_getpid) < 0; }\n"


def _works(compiler: list[str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(PROBE)
        command = [*compiler, "-static", "-o", str(Path(folder, "probe")), str(source)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def find_compiler() -> list[str] | None:
    """The command of a compiler that can link a static program; musl first, because its programs are smallest."""
    for name in ("musl-gcc", "cc", "gcc", "clang"):
        path = shutil.which(name)
        if path and _works([path]):
            return [path]
    if find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc", "-target", f"{_machine()}-linux-musl"]
    return None


def _machine() -> str:
    import platform  # noqa: PLC0415 - needed for zig alone

    return platform.machine()


def generate_header() -> Path:
    """Write build/native/ops.h from runtime/opcodes.py, the one source of the operation table."""
    # whit isn't installed when this runs: the project's root is the package.
    package = ModuleType("whit")
    package.__path__ = [str(ROOT)]
    sys.modules["whit"] = package
    from whit.runtime import opcodes  # noqa: PLC0415

    header = OUTPUT / "ops.h"
    text = opcodes.c_header()
    if not header.exists() or header.read_text() != text:
        header.write_text(text)
    return header


def build() -> None:
    """Compile and put both names in place at once, so that a running launcher is never written to."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    header = generate_header()
    sources = sorted(SOURCES.glob("*.c"))
    target = OUTPUT / "whit"
    inputs = [*sources, *SOURCES.glob("*.h"), header, Path(__file__)]
    if target.exists() and all(path.stat().st_mtime <= target.stat().st_mtime for path in inputs):
        return
    compiler = find_compiler()
    if compiler is None:
        sys.exit(
            "whit: no C compiler that can link a static program\nhint: apt-get install gcc libc6-dev, or pip install ziglang"
        )
    fresh = OUTPUT / "whit.new"
    command = [*compiler, *FLAGS, *WARNINGS, f"-I{OUTPUT}", f"-I{SOURCES}", "-o", str(fresh), *map(str, sources)]
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit(f"whit: the launcher doesn't compile with {' '.join(compiler)}")
    fresh.replace(target)
    oci = OUTPUT / "whit-oci"
    oci.unlink(missing_ok=True)
    oci.hardlink_to(target)


if __name__ == "__main__":
    build()
