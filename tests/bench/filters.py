"""How long the kernel takes to load whit's filters: the default one, and those of programs' own calls. ``-m tests.bench.filters [FILE…]``."""

from __future__ import annotations

import statistics
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.measure import print_table
from tests.peers import find_peer
from tests.programs.build import build
from whit.packer.executable.file import opened
from whit.packer.image.callsclaim import Calls
from whit.packer.syscalls.analyse import find
from whit.packer.syscalls.names import syscall_names
from whit.runtime.confinement import allowed_calls
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.profile import default_filter
from whit.runtime.seccomp.proven import proven_filter

ROUNDS = 250
START = 9
ONE_INSTRUCTION = struct.pack("<HBBI", 6, 0, 0, 0x7FFF_0000)
SIZE = len(ONE_INSTRUCTION)


def _programs() -> dict[str, Path]:
    made = {
        "C hello": build("hello", "c-zig"),
        "Go hello": build("hello", "go"),
        "Nim client, musl": build("fresh_fetch", "nim-musl"),
        "Go net/http": build("server", "go", stripped=True),
        "Rust net, glibc": build("net", "rust", stripped=True),
    }
    busybox = find_peer("busybox-static")
    return {**made, "busybox": busybox} if busybox else made


def _calls(program: Path) -> frozenset[str]:
    with opened(str(program)) as file:
        found = file.look(find)
    names = syscall_names(found.architecture)
    return frozenset(names[number] for number in found.numbers if number in names)


def _filters(programs: dict[str, Path]) -> dict[str, tuple[str, bytes]]:
    """Name → (calls that a container can make, filter)."""
    found = {name: _calls(path) for name, path in programs.items()}
    made = {
        name: compile_filter(proven_filter(Calls(calls), "amd64", start=START), "amd64")
        for name, calls in found.items()
    }
    return {
        "one instruction": ("", ONE_INSTRUCTION),
        "whit's default": (str(len(allowed_calls("amd64") or ())), compile_filter(default_filter("amd64"), "amd64")),
        **{name: (str(len(allowed_calls("amd64", found[name]) or ())), program) for name, program in made.items()},
    }


def main() -> None:
    """Print the table."""
    given = {Path(word).name: Path(word) for word in sys.argv[1:]}
    rows = []
    with tempfile.TemporaryDirectory() as name:
        tool, file = Path(name, "filters"), Path(name, "filter")
        subprocess.run(["cc", "-O2", "-o", tool, Path(__file__).with_suffix(".c")], check=True)
        for label, (calls, program) in _filters(given or _programs()).items():
            file.write_bytes(program)
            said = subprocess.run([tool, str(ROUNDS), file], check=True, capture_output=True, text=True).stdout
            taken = [int(word) / 1000 for word in said.split()]
            shown = f"{min(taken):.0f}", f"{statistics.median(taken):.0f}"
            rows.append((label, calls, str(len(program) // SIZE), *shown))
    print_table("Loading filters, µs", ("", "calls", "instructions", "shortest", "median"), rows)


if __name__ == "__main__":
    main()
