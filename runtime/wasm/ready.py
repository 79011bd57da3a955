"""A WebAssembly program in an image → what runs it: the engine, and its code, both made now where they aren't there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.packer.support.imagepath import shown
from whit.runtime.options import Wasm
from whit.runtime.wasm.building import find_engine
from whit.runtime.wasm.compile import compiled
from whit.runtime.wasm.settings import SERVICE, tuning
from whit.runtime.wasm.suitable import MAGIC, check, read_wasm

if TYPE_CHECKING:
    from whit.packer.wasm.claim import Claim
    from whit.runtime.options import RunOptions
    from whit.runtime.rootview import RootView


START = "_start"
"""The function that is called of a module unless another one is asked for, and runwasi's name for a component's usual one, too."""


def is_module(claimed: Claim | None, executable: str, head: bytes | None) -> bool:
    """Whether the program at ``executable``, which begins with ``head``, is run by the engine.

    Its bytes have the last word, but what is said to be WebAssembly for certain isn't run as anything else: raises
    :class:`InvalidFileError` where it is none.
    """
    if not (head or b"").startswith(MAGIC):
        if head is not None and claimed and claimed.is_certain:
            raise InvalidFileError(
                f"{shown(executable)} is to be run as WebAssembly, and is none",
                hint="its image is for wasi/wasm, or an annotation says so: run.oci.handler, module.wasm.image/variant",
            )
        return False
    return True


def ready(view: RootView, executable: str, claimed: Claim | None, options: RunOptions) -> Wasm:
    """What runs the program at ``executable`` of an image. Raises what checking it, compiling it and building the engine do.

    Raises :class:`UnsupportedError` where a function of an HTTP service is to be called.
    """
    found = view.resolve(executable)
    program = read_wasm(Path(found)) if found else None
    if found is None or program is None:
        raise InvalidFileError(f"{executable} is no whole WebAssembly file", hint="was it copied whole?")
    function = claimed.function if claimed and claimed.function != START else ""
    kind = program.kind
    if function and kind == SERVICE:
        raise UnsupportedError(
            f"{shown(executable)}#{shown(function)}: it is an HTTP service, which answers requests and is called by no function's name",
            hint="leave the # and what follows out",
        )
    check(executable, program, function)
    code = compiled(Path(found), executable, kind, tuning(kind, options))
    return Wasm(str(find_engine()), str(code), kind, function)
