"""The compiler's own process: WebAssembly on standard input, code on standard output, one line on standard error if it can't.

``python -m whit.runtime.wasm.compiling KIND FUEL EPOCH TARGET BYTES SECONDS``, started by compile.py under limits: what a file can do to
a compiler, it does to this process alone.
"""

from __future__ import annotations

import resource
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import wasmtime

MAX_CODE = 2 << 30


def limit(memory: int, seconds: int) -> None:
    """A file that would take all of the machine to compile takes so much of it and no more: bytes, and seconds of CPU time."""
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, MAX_CODE),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def config_of(*, fuel: bool, epoch: bool, target: str) -> wasmtime.Config:
    """As the engine has it (``embedder/src/engine.rs``), which refuses code of any other.

    The library's default has the component model's concurrency, which the engine is built without. A target that is named
    keeps this machine's processor out of the code, so that it runs on any other.
    """
    import wasmtime  # noqa: PLC0415 - the parent has no use for it
    from wasmtime import _ffi as ffi  # noqa: PLC0415

    config = wasmtime.Config()
    ffi.wasmtime_config_concurrency_support_set(config.ptr(), False)
    config.consume_fuel = fuel
    config.epoch_interruption = epoch
    config.target = target
    return config


def main() -> None:
    """Compile; exit with 1 and a line where the file is wrong."""
    kind, fuel, epoch, target, memory, seconds = sys.argv[1:]
    limit(int(memory), int(seconds))
    import wasmtime  # noqa: PLC0415 - under the limits
    from wasmtime.component import Component  # noqa: PLC0415

    engine = wasmtime.Engine(config_of(fuel=fuel == "1", epoch=epoch == "1", target=target))
    data = sys.stdin.buffer.read()
    try:
        compiled = (wasmtime.Module if kind == "module" else Component)(engine, data)
        code = compiled.serialize()
        # Not by sys.stdout, which writes what fits and no more where PYTHONUNBUFFERED is set.
        with open(1, "wb", closefd=False) as output:
            output.write(code)
    except wasmtime.WasmtimeError as error:
        causes = (line.strip() for line in str(error).replace("Caused by:", "").splitlines())
        sys.stderr.write(": ".join(filter(None, causes)) + "\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
