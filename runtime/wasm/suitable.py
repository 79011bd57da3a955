"""Whether the engine can run a program, by what it imports, exports and uses: told before it is compiled, with what helps. Pure but for reading it."""

from __future__ import annotations

import mmap
import re
from typing import TYPE_CHECKING

from whit.packer.support.errors import ExitCode, InvalidFileError, UnsupportedError
from whit.packer.support.imagepath import shown
from whit.packer.support.light import dataclass
from whit.packer.wasm.component import read_component
from whit.packer.wasm.host import foreign, other_release
from whit.packer.wasm.module import HEADER_SIZE, read_module
from whit.runtime.wasm.settings import COMPONENT, MODULE, SERVICE

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.wasm.contents import Contents

MAGIC = b"\0asm"
_COMMAND, _HANDLER = (re.compile(rf"wasi:{name}@0\.2\.[0-9]+") for name in ("cli/run", "http/incoming-handler"))
"""What a command and a service export (WASI 0.2: wasi:cli, world command; wasi:http, world proxy)."""

_STARTED = ("wasi:cli/run", "wasi:http/incoming-handler", "wasi:http/handler")
"""What programs export whatever their release of WASI."""

_FORM = b"\x0d\0"
"""The version of a component's binary form (component model, Binary.md)."""

_SHOWN = 8
_LIBRARY = "it is a library, not a program"


@dataclass(frozen=True, slots=True)
class Wasm:
    """A program's kind, and what was read of it; None where only the compiler can say what is wrong with it."""

    kind: str
    contents: Contents | None = None


def read_wasm(path: Path) -> Wasm | None:
    """What a program is, by its first bytes (core specification, 5.5.16; component model, Binary.md) and, of a component, its exports.

    None where it is none.
    """
    kind = MODULE
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_SIZE)
            if not head.startswith(MAGIC) or len(head) < HEADER_SIZE:
                return None
            with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
                if head[6:8] == b"\0\0":
                    return Wasm(kind, read_module(data, HEADER_SIZE, len(data)))
                kind = COMPONENT
                if head[4:6] != _FORM:
                    return Wasm(kind)
                contents = read_component(data)
    except OSError:
        return None
    except InvalidFileError:
        # Whatever is wrong with it, the compiler says.
        return Wasm(kind)
    return Wasm(SERVICE if any(map(_HANDLER.fullmatch, contents.exports)) else COMPONENT, contents)


def check(name: str, wasm: Wasm, function: str) -> None:
    """Raises :class:`UnsupportedError` for what can't be started; ``function`` is the one that is to be called, where it isn't the usual one."""
    contents = wasm.contents
    if contents is None:
        return
    is_component = wasm.kind != MODULE
    lacking = foreign(contents.imports, is_component=is_component)
    if lacking:
        first, *others = lacking.names
        more = f" and {len(others)} more" if others else ""
        which = "0.2" if is_component else "preview 1"
        raise _refusal(
            name, f"it imports {shown(first)}{more}, which WASI {which} doesn't have", lacking.cure or _ELSEWHERE
        )
    if "shared-memory" in contents.features and not is_component:
        raise _refusal(
            name, "its memory is one that threads share, and here are none",
            "build it without threads: for wasm32-wasip1, not wasm32-wasip1-threads",
        )  # fmt: skip
    if wasm.kind == COMPONENT and not function and not any(map(_COMMAND.fullmatch, contents.exports)):
        raise _unstartable(name, contents.exports)


_ELSEWHERE = (
    "build it for WASI (wasm32-wasip1), or run it by what it was made for: 'whit inspect' tells what it imports"
)


def _unstartable(name: str, exports: list[str]) -> UnsupportedError:
    """A component that is no command."""
    other = next((export for export in exports if export.startswith(_STARTED)), None)
    if other:
        return _refusal(name, f"it exports {shown(other)}, and here programs of WASI 0.2 are run", other_release(other))
    functions = [export for export in exports if ":" not in export]
    hint = (
        f"--entrypoint 'PATH#NAME' calls one of its own functions: {shown(', '.join(functions[:_SHOWN]))}"
        if functions
        else "compose it with a program that imports it: wac plug, wasm-tools compose"
    )
    return _refusal(name, f"it exports neither wasi:cli/run nor wasi:http/incoming-handler: {_LIBRARY}", hint)


def _refusal(name: str, why: str, hint: str) -> UnsupportedError:
    return UnsupportedError(f"{shown(name)}: {why}", hint=hint, exit_code=ExitCode.NOT_EXECUTABLE)


_OLDER = "build it anew with today's tools: components have had one form since 2023"
_NEWER = "build it for WASI 0.2 (wasm32-wasip2), whose functions aren't asynchronous"
_PROPOSAL = "build it without that proposal to WebAssembly: docs/wasm.md tells which there are"
_UNCOMPILED = (
    (re.compile(r"unknown binary version"), "it is a component of another form than today's", _OLDER),
    (re.compile(r"component model async|component-model-async"), "it is made for WASI 0.3", _NEWER),
    (
        re.compile(r"proposal must be enabled|\b(?:is|are|support is) (?:not enabled|disabled)|\bfeature required|\brequires? the .{1,40} feature"),
        "it uses what this engine hasn't",
        _PROPOSAL,
    ),
)  # fmt: skip
"""A compiler's words → whit's, and what helps."""


def uncompiled(name: str, said: str) -> InvalidFileError | UnsupportedError:
    """The error of a program that the compiler refused, which has said why."""
    for pattern, why, hint in _UNCOMPILED:
        if pattern.search(said):
            return UnsupportedError(f"{shown(name)}: {why}: {said}", hint=hint, exit_code=ExitCode.RUNTIME_FAILURE)
    return InvalidFileError(
        f"{shown(name)}: this can't be compiled: {said}",
        hint="it isn't valid: was it copied whole, and built by a tool that is?",
    )
