"""What the engine is told of a run, as it stands in the launch plan, and what code has to be compiled for. Pure.

``embedder/src/settings.rs`` reads it.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.options import Network

if TYPE_CHECKING:
    from whit.runtime.options import RunOptions, Wasm

ANNOTATION = "dev.whit.wasm"
"""What says of an OCI container that it is WebAssembly, and with which settings."""

MODULE, COMPONENT, SERVICE = "module", "component", "service"
"""What programs are: core modules of WASI preview 1, commands of WASI 0.2, and its HTTP services."""

ENGINE_SHARE = 4 << 20
"""Bytes of a container's memory that are the engine's own; the program's memories have the rest of --memory."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What compiled code depends on beside the program: whether it counts fuel, and whether it looks at the time."""

    fuel: bool = False
    epoch: bool = False


def tuning(kind: str, options: RunOptions) -> Tuning:
    """What code must be compiled for to be run so. Both cost time, so neither is there unless asked for.

    A service's requests take turns by the time.
    """
    return Tuning(fuel=options.fuel is not None, epoch=kind == SERVICE or options.timeout_ms is not None)


def settings_text(wasm: Wasm, options: RunOptions) -> str:
    """The engine's first argument: its settings, comma-separated; times in ms, sizes in bytes."""
    memory = options.limits.memory
    words = [
        "whit-wasm",
        f"kind={wasm.kind}",
        "" if options.timeout_ms is None else f"timeout={options.timeout_ms}",
        "" if options.fuel is None else f"fuel={options.fuel}",
        "" if memory is None else f"memory={max(memory - ENGINE_SHARE, memory // 2)}",
        "network" if options.network is not Network.NONE else "",
        # The last one, as it may have any letter in it.
        f"function={wasm.function}" if wasm.function else "",
    ]
    return ",".join(filter(None, words))


def annotation(options: RunOptions) -> str:
    """The settings of a container that whit keeps."""
    words = (
        "" if options.timeout_ms is None else f"timeout={options.timeout_ms}",
        "" if options.fuel is None else f"fuel={options.fuel}",
        "network",
    )
    return ",".join(filter(None, words))
