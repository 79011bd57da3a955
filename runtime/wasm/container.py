"""WebAssembly in OCI containers: config.json → the engine's operation, and the words that it is executed with.

Asked for by the annotation ``dev.whit.wasm``, whose value are settings (``timeout=MS``, ``fuel=UNITS``, ``network``), or by crun's
``run.oci.handler``: ``wasm``, or ``wasm-smart``, which means it where the program is WebAssembly. Whatever stands there, engine
and code are found by whit itself, from the program's bytes: an image that brings annotations can't choose what is executed.
"""

from __future__ import annotations

import re
from pathlib import Path

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.limits import Limits
from whit.runtime.model import Op
from whit.runtime.oci.fields import HINT
from whit.runtime.options import Network, RunOptions
from whit.runtime.rootview import RootView
from whit.runtime.wasm.ready import ready
from whit.runtime.wasm.settings import ANNOTATION, settings_text

if TYPE_CHECKING:
    from whit.runtime.oci.process import Process
    from whit.runtime.oci.spec import Spec

HANDLER = "run.oci.handler"
_SETTING = re.compile(r"(timeout|fuel)=([0-9]{1,18})|network", re.ASCII)


def _options(spec: Spec) -> RunOptions:
    text = dict(spec.annotations).get(ANNOTATION, "network")
    found = [_SETTING.fullmatch(word) for word in text.split(",") if word]
    if None in found:
        raise InvalidFileError(
            f"annotations['{ANNOTATION}']: {text!r} isn't timeout=MS, fuel=UNITS or network", hint=HINT
        )
    numbers = {match[1]: int(match[2]) for match in found if match and match[1]}
    memory = spec.linux.resources.memory.limit
    return RunOptions(
        # What it reaches is the network namespace's matter.
        network=Network.HOST if any(match and not match[1] for match in found) else Network.NONE,
        limits=Limits(memory=memory if memory and memory > 0 else None),
        timeout_ms=numbers.get("timeout"),
        fuel=numbers.get("fuel"),
    )


def engine_of(spec: Spec, process: Process, bundle: str) -> tuple[Process, Op] | None:
    """The process as it is executed, and what opens its engine; None where it is no WebAssembly. Raises what making both does."""
    asked = dict(spec.annotations)
    if ANNOTATION not in asked and asked.get(HANDLER) not in {"wasm", "wasm-smart"}:
        return None
    view = RootView(str(Path(bundle) / spec.root.path))
    name = process.args[0]
    executable = name if name.startswith("/") else view.find_module(name, process.cwd)
    if executable is None or not (view.head(executable) or b"").startswith(b"\0asm"):
        return None
    options = _options(spec)
    wasm = ready(view, executable, options)
    args = (settings_text(wasm, options), *process.args)
    return replace(process, args=args), Op("OPEN_ENGINE", (wasm.engine, wasm.code), "WebAssembly is run by an engine")
