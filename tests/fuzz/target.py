"""libFuzzer targets of the launcher's C, with ASan and UBSan."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.peers import BUILD, PROJECT
from whit.runtime.opcodes import c_header

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LAUNCHER = PROJECT / "runtime" / "launcher"
WARNINGS = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
SANITIZE = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]


@dataclass(frozen=True, slots=True)
class Target:
    """What is fuzzed: the file with LLVMFuzzerTestOneInput, files of the launcher, and the longest input in bytes.

    ``work`` is for the program, the corpus, and what was found.
    """

    source: Path
    launcher: tuple[str, ...]
    max_length: int

    @property
    def work(self) -> Path:
        return BUILD / "fuzz" / self.source.stem.removeprefix("fuzz_")

    def run(self, seconds: int, seeds: Iterable[tuple[str, bytes]], *options: str) -> int:
        """Build it anew, and run it from these named inputs; in 0 seconds, on them alone. The status of libFuzzer."""
        corpus = self.work / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        program = self._build()
        for name, data in seeds:
            (corpus / name).write_bytes(data)
        limits = [f"-max_total_time={seconds}" if seconds else "-runs=0", f"-max_len={self.max_length}"]
        command = [str(program), *limits, "-print_final_stats=1", *options, f"-artifact_prefix={self.work}/"]
        return subprocess.run([*command, str(corpus)], check=False).returncode

    def _build(self) -> Path:
        clang = shutil.which("clang")
        if clang is None:
            sys.exit(f"{self.source.stem}: no clang\nhint: apt-get install clang")
        (self.work / "ops.h").write_text(c_header())
        program = self.work / self.source.stem
        sources = [self.source, *(LAUNCHER / name for name in self.launcher)]
        includes = [f"-I{self.work}", f"-I{LAUNCHER}"]
        subprocess.run([clang, *WARNINGS, *SANITIZE, *includes, "-o", program, *sources], check=True)
        return program
