"""A WebAssembly program in an image → what runs it: the engine, and its code, both made now where they aren't there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError
from whit.runtime.options import Wasm
from whit.runtime.wasm.building import find_engine
from whit.runtime.wasm.compile import compiled, kind_of
from whit.runtime.wasm.settings import tuning

if TYPE_CHECKING:
    from whit.runtime.options import RunOptions
    from whit.runtime.rootview import RootView


def ready(view: RootView, executable: str, options: RunOptions) -> Wasm:
    """What runs the program at ``executable`` of an image. Raises what compiling it and building the engine do."""
    found = view.resolve(executable)
    kind = kind_of(Path(found)) if found else None
    if found is None or kind is None:
        raise InvalidFileError(f"{executable} is no whole WebAssembly file", hint="was it copied whole?")
    code = compiled(Path(found), executable, kind, tuning(options))
    return Wasm(str(find_engine()), str(code), kind)
