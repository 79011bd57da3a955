"""WebAssembly in OCI containers: config.json → the engine's operation, and the words that it is executed with.

Asked for by the annotation ``dev.whit.wasm``, whose value are settings (``timeout=MS``, ``fuel=UNITS``, ``network``), by crun's
annotations, or by a name that ends in .wasm (whit.packer.wasm.claim). Whatever stands there, engine and code are found by whit itself, from the program's bytes: an image that brings annotations can't choose what is executed.
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
from whit.runtime.wasm.ready import is_module, ready
from whit.runtime.wasm.settings import ANNOTATION, settings_text

if TYPE_CHECKING:
    from whit.packer.wasm.claim import Claim
    from whit.runtime.oci.process import Process
    from whit.runtime.oci.spec import Spec

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


def engine_of(spec: Spec, process: Process, bundle: str, claimed: Claim | None) -> tuple[Process, Op] | None:
    """The process as it is executed, and what opens its engine; None where it is no WebAssembly. Raises what making both does."""
    view = RootView(str(Path(bundle) / spec.root.path))
    name = claimed.path if claimed else process.args[0]
    executable = name if name.startswith("/") else view.find_module(name, process.cwd) or name
    if not is_module(claimed, executable, view.head(executable)):
        return None
    options = _options(spec)
    wasm = ready(view, executable, claimed, options)
    args = (settings_text(wasm, options), *process.args)
    return replace(process, args=args), Op("OPEN_ENGINE", (wasm.engine, wasm.code), "WebAssembly is run by an engine")
